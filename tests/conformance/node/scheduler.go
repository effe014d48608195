package main

import (
	"context"
	"fmt"
	"log"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// scheduler binds pods to lab nodes: it knows node selectors, the node name by which a DaemonSet's
// pods are bound, and host ports (two pods of one node may not declare the same).
type scheduler struct {
	client kubernetes.Interface
	nodes  []NodeConfig

	mu    sync.Mutex
	next  int
	ports map[types.UID]hostPorts
}

type hostPorts struct {
	node  string
	ports []string
}

func newScheduler(client kubernetes.Interface, nodes []NodeConfig) *scheduler {
	return &scheduler{client: client, nodes: nodes, ports: map[types.UID]hostPorts{}}
}

// saw notes what a bound pod takes.
func (s *scheduler) saw(pod *corev1.Pod) {
	ports := declaredPorts(pod)
	if pod.Spec.NodeName == "" || len(ports) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ports[pod.UID] = hostPorts{pod.Spec.NodeName, ports}
}

func (s *scheduler) gone(pod *corev1.Pod) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ports, pod.UID)
}

func declaredPorts(pod *corev1.Pod) []string {
	var ports []string
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.HostPort != 0 {
				ports = append(ports, fmt.Sprintf("%s/%s/%d", p.HostIP, p.Protocol, p.HostPort))
			}
		}
	}
	return ports
}

// wantedNode is the node that a DaemonSet's controller asks for; empty: any.
func wantedNode(pod *corev1.Pod) string {
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil ||
		affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			if field.Key == "metadata.name" && len(field.Values) == 1 {
				return field.Values[0]
			}
		}
	}
	return ""
}

// choose reserves nothing: the binding comes back as an event, and events are handled one by one.
func (s *scheduler) choose(pod *corev1.Pod) (string, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted, ports, reason := wantedNode(pod), declaredPorts(pod), "no node matches its selector"
	for range s.nodes {
		node := &s.nodes[s.next%len(s.nodes)]
		s.next++
		if wanted != "" && node.Name != wanted || wanted == "" && node.Reserved || !selects(pod.Spec.NodeSelector, node) {
			continue
		}
		if s.taken(node.Name, ports) {
			reason = "a host port is taken"
			continue
		}
		if len(ports) > 0 {
			s.ports[pod.UID] = hostPorts{node.Name, ports}
		}
		return node.Name, ""
	}
	return "", reason
}

func selects(selector map[string]string, node *NodeConfig) bool {
	for key, value := range selector {
		if node.labels()[key] != value {
			return false
		}
	}
	return true
}

func (s *scheduler) taken(node string, ports []string) bool {
	for _, other := range s.ports {
		if other.node != node {
			continue
		}
		for _, port := range ports {
			if slices.Contains(other.ports, port) {
				return true
			}
		}
	}
	return false
}

// bind does so in the background; a pod that fits nowhere is tried again each second.
func (s *scheduler) bind(ctx context.Context, pod *corev1.Pod) {
	go func() {
		for ctx.Err() == nil {
			node, reason := s.choose(pod)
			if node != "" {
				s.bindTo(ctx, pod, node)
				return
			}
			log.Printf("pod %s/%s stays pending: %s", pod.Namespace, pod.Name, reason)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			current, err := s.client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) || err == nil && (current.UID != pod.UID || current.DeletionTimestamp != nil) {
				return
			}
		}
	}()
}

func (s *scheduler) bindTo(ctx context.Context, pod *corev1.Pod, node string) {
	for ctx.Err() == nil {
		err := s.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: node},
		}, metav1.CreateOptions{})
		if err == nil || apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return
		}
		log.Printf("bind %s/%s: %v", pod.Namespace, pod.Name, err)
		time.Sleep(200 * time.Millisecond)
	}
}
