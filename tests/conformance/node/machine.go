package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const kubeletPort = 10250

// machine is one lab node: two namespaces and a Node object.
type machine struct {
	*NodeConfig
	netns, mountns *os.File
}

func newMachine(config *NodeConfig) (*machine, error) {
	m := &machine{NodeConfig: config}
	var err error
	if m.netns, err = os.Open(config.NetNS); err != nil {
		return nil, err
	}
	m.mountns, err = os.Open(config.MountNS)
	return m, err
}

func (n *NodeConfig) labels() map[string]string {
	labels := map[string]string{
		corev1.LabelHostname: n.Name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: runtime.GOARCH,
	}
	maps.Copy(labels, n.Labels)
	return labels
}

// do calls f on a thread inside the node's namespaces; the thread ends with it.
func (m *machine) do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: nobody else may run on this thread
		done <- func() error {
			if err := unix.Setns(int(m.netns.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter the network namespace: %w", err)
			}
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return err
			}
			if err := unix.Setns(int(m.mountns.Fd()), unix.CLONE_NEWNS); err != nil {
				return fmt.Errorf("enter the mount namespace: %w", err)
			}
			return f()
		}()
	}()
	return <-done
}

// register creates the Node and marks it ready. No heartbeat follows: the controller that looks for
// those must be off.
func (m *machine) register(ctx context.Context, client kubernetes.Interface) error {
	nodes := client.CoreV1().Nodes()
	node, err := nodes.Create(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: m.Name, Labels: m.labels()}}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		node, err = nodes.Get(ctx, m.Name, metav1.GetOptions{})
	}
	if err != nil {
		return err
	}
	now := metav1.NewTime(time.Now())
	node.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: m.Address}, {Type: corev1.NodeHostName, Address: m.Name},
	}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = kubeletPort
	node.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "LabReady", LastHeartbeatTime: now, LastTransitionTime: now,
	}}
	if node, err = nodes.UpdateStatus(ctx, node, metav1.UpdateOptions{}); err != nil {
		return err
	}
	// Admission taints new nodes as not ready; nobody else takes that away.
	node.Spec.Taints = nil
	_, err = nodes.Update(ctx, node, metav1.UpdateOptions{})
	return err
}
