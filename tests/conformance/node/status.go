package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// reporter writes a pod's status: one patch for what changed in the meantime, nothing if nothing did.
type reporter struct {
	pod        *pod
	context    context.Context
	pending    chan struct{}
	conditions []corev1.PodCondition
	written    []byte
}

func newReporter(p *pod) *reporter { return &reporter{pod: p, pending: make(chan struct{}, 1)} }

func (r *reporter) changed() {
	select {
	case r.pending <- struct{}{}:
	default:
	}
}

// run writes until the pod is stopped.
func (r *reporter) run() {
	r.changed()
	for {
		select {
		case <-r.context.Done():
			return
		case <-r.pending:
		}
		if err := r.write(); err != nil && r.context.Err() == nil {
			log.Printf("pod %s: status: %v", r.pod.name(), err)
			time.AfterFunc(500*time.Millisecond, r.changed)
		}
	}
}

func (r *reporter) write() error {
	p := r.pod
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": p.object.UID}, "status": r.status()})
	if err != nil || bytes.Equal(patch, r.written) {
		return err
	}
	_, err = p.kubelet.client.CoreV1().Pods(p.object.Namespace).Patch(r.context, p.object.Name,
		types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		r.written = patch
		return nil
	}
	return err
}

func (r *reporter) status() corev1.PodStatus {
	p := r.pod
	status := corev1.PodStatus{Phase: corev1.PodPending, StartTime: &metav1.Time{Time: p.started}, HostIP: p.machine.Address,
		HostIPs: []corev1.HostIP{{IP: p.machine.Address}}}
	initialized, ready := true, true
	for _, c := range p.initContainers {
		s := c.state()
		status.InitContainerStatuses = append(status.InitContainerStatuses, c.status(s))
		initialized = initialized && (c.sidecar() && s.started || c.succeeded())
		ready = ready && (!c.sidecar() || s.ready)
	}
	ended, failed := 0, false
	for _, c := range p.containers {
		s := c.state()
		status.ContainerStatuses = append(status.ContainerStatuses, c.status(s))
		ready = ready && s.ready
		if s.now.Terminated != nil && !c.again(int(s.now.Terminated.ExitCode)) {
			ended++
			failed = failed || s.now.Terminated.ExitCode != 0
		}
		if s.now.Running != nil || s.restarts > 0 {
			status.Phase = corev1.PodRunning
		}
	}
	if ended == len(p.containers) {
		status.Phase = corev1.PodSucceeded
		if failed {
			status.Phase = corev1.PodFailed
		}
	}
	if status.Phase != corev1.PodPending {
		status.PodIP, status.PodIPs = p.address(), []corev1.PodIP{{IP: p.address()}}
	}
	p.mu.Lock()
	status.Message = p.message
	p.mu.Unlock()
	ready = ready && initialized && status.Phase == corev1.PodRunning
	r.condition(corev1.PodScheduled, true)
	r.condition(corev1.PodInitialized, initialized)
	r.condition(corev1.ContainersReady, ready)
	r.condition(corev1.PodReady, ready)
	status.Conditions = r.conditions
	return status
}

// condition keeps the time of the last transition.
func (r *reporter) condition(kind corev1.PodConditionType, is bool) {
	value := corev1.ConditionFalse
	if is {
		value = corev1.ConditionTrue
	}
	for i := range r.conditions {
		if r.conditions[i].Type != kind {
			continue
		}
		if r.conditions[i].Status != value {
			r.conditions[i].Status, r.conditions[i].LastTransitionTime = value, metav1.Now()
		}
		return
	}
	r.conditions = append(r.conditions, corev1.PodCondition{Type: kind, Status: value, LastTransitionTime: metav1.Now()})
}

func (c *container) status(s containerState) corev1.ContainerStatus {
	ready := s.ready
	if c.isInit() && !c.sidecar() {
		ready = s.now.Terminated != nil && s.now.Terminated.ExitCode == 0
	}
	return corev1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, ImageID: c.spec.Image,
		ContainerID: "lab://" + string(c.pod.object.UID) + "/" + c.spec.Name,
		State:       s.now, LastTerminationState: s.last, Ready: ready, Started: &s.started, RestartCount: s.restarts,
	}
}
