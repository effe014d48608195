package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// container runs one container of a pod: starts it, probes it, starts it again when it ends.
type container struct {
	pod  *pod
	spec *corev1.Container

	mu       sync.Mutex
	current  containerState
	process  *process
	log      *logBuffer
	previous *logBuffer
}

// containerState is what is reported of a container; the zero value waits.
type containerState struct {
	now, last      corev1.ContainerState
	started, ready bool
	restarts       int32
}

func newContainer(p *pod, spec *corev1.Container) *container {
	c := &container{pod: p, spec: spec}
	c.log = c.newLog()
	c.current.now.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
	return c
}

// newLog goes on in the container's file, where files are kept.
func (c *container) newLog() *logBuffer {
	folder := c.pod.kubelet.config.Logs
	if folder == "" {
		return &logBuffer{}
	}
	name := fmt.Sprintf("%s_%s_%s.log", c.pod.object.Namespace, c.pod.object.Name, c.spec.Name)
	file, err := os.OpenFile(filepath.Join(folder, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Printf("pod %s: %v", c.pod.name(), err)
		return &logBuffer{}
	}
	buffer := &logBuffer{copy: file}
	runtime.AddCleanup(buffer, func(f *os.File) { f.Close() }, file)
	return buffer
}

func (c *container) state() containerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

func (c *container) change(f func(*containerState)) {
	c.mu.Lock()
	f(&c.current)
	c.mu.Unlock()
	c.pod.reporter.changed()
}

func (c *container) waiting(reason, message string) {
	c.change(func(s *containerState) {
		s.now = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		s.started, s.ready = false, false
	})
}

func (c *container) isInit() bool {
	for _, other := range c.pod.initContainers {
		if other == c {
			return true
		}
	}
	return false
}

func (c *container) sidecar() bool {
	return c.spec.RestartPolicy != nil && *c.spec.RestartPolicy == corev1.ContainerRestartPolicyAlways
}

func (c *container) succeeded() bool {
	ended := c.state().now.Terminated
	return ended != nil && ended.ExitCode == 0
}

// again says whether a container that ended with this status is started once more.
func (c *container) again(status int) bool {
	policy := c.pod.object.Spec.RestartPolicy
	if c.sidecar() {
		return true
	}
	if c.isInit() && policy == corev1.RestartPolicyAlways {
		policy = corev1.RestartPolicyOnFailure
	}
	return policy == corev1.RestartPolicyAlways || policy == corev1.RestartPolicyOnFailure && status != 0
}

// run returns when the container is not to be started again, or the pod has to end and this has.
func (c *container) run(ctx context.Context) {
	wait := newBackOff(c.pod.kubelet.config.firstBackOff())
	for ctx.Err() == nil {
		began := time.Now()
		status, err := c.runOnce(ctx)
		if err != nil {
			log.Printf("pod %s: container %s: %v", c.pod.name(), c.spec.Name, err)
			c.waiting("CreateContainerError", err.Error())
		} else if !c.again(status) {
			return
		}
		delay := wait.after(time.Since(began))
		if ctx.Err() != nil {
			return
		}
		if delay > 0 && err == nil {
			c.waiting("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container", delay))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
		c.change(func(s *containerState) { s.restarts++ })
	}
}

// runOnce starts the process and returns its exit status.
func (c *container) runOnce(ctx context.Context) (int, error) {
	c.mu.Lock()
	if c.current.restarts > 0 {
		c.log, c.previous = c.newLog(), c.log
	}
	out := c.log
	c.mu.Unlock()
	process, err := startProcess(c, out)
	if err != nil {
		return 0, err
	}
	began := metav1.Now()
	c.mu.Lock()
	c.process = process
	c.mu.Unlock()
	c.change(func(s *containerState) {
		s.now = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: began}}
	})
	probing, stop := context.WithCancel(ctx)
	go c.probe(probing, process)
	ending := context.AfterFunc(ctx, func() { c.end(process, c.pod.graceLeft()) })
	status := process.wait()
	stop()
	ending()
	c.ended(process, status, began)
	return status, nil
}

func (c *container) ended(process *process, status int, began metav1.Time) {
	c.mu.Lock()
	c.process = nil
	c.mu.Unlock()
	reason := "Completed"
	if status != 0 {
		reason = "Error"
	}
	c.change(func(s *containerState) {
		s.now = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: int32(status), Reason: reason, StartedAt: began, FinishedAt: metav1.Now(), ContainerID: process.id,
		}}
		s.last = s.now
		s.started, s.ready = false, false
	})
	log.Printf("pod %s: container %s ended with status %d", c.pod.name(), c.spec.Name, status)
}

// end asks a process to end (preStop, SIGTERM) and kills it when its time is over.
func (c *container) end(process *process, grace time.Duration) {
	deadline := time.Now().Add(grace)
	if grace > 0 && c.spec.Lifecycle != nil && c.spec.Lifecycle.PreStop != nil {
		c.preStop(process, c.spec.Lifecycle.PreStop, grace)
	}
	process.terminate()
	select {
	case <-process.done:
	case <-time.After(time.Until(deadline)):
		process.kill()
	}
}

func (c *container) preStop(process *process, hook *corev1.LifecycleHandler, grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	switch {
	case hook.Sleep != nil:
		select {
		case <-ctx.Done():
		case <-process.done:
		case <-time.After(time.Duration(hook.Sleep.Seconds) * time.Second):
		}
	case hook.Exec != nil:
		if err := c.execute(ctx, process, hook.Exec.Command); err != nil {
			log.Printf("pod %s: container %s: preStop: %v", c.pod.name(), c.spec.Name, err)
		}
	}
}

// kill ends the process without the pod, so that run starts it again.
func (c *container) restart(process *process, why string) {
	log.Printf("pod %s: container %s is restarted: %s", c.pod.name(), c.spec.Name, why)
	grace := 30 * time.Second
	if seconds := c.pod.object.Spec.TerminationGracePeriodSeconds; seconds != nil {
		grace = time.Duration(*seconds) * time.Second
	}
	c.end(process, grace)
}

func (c *container) logs(previous bool) *logBuffer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if previous {
		return c.previous
	}
	return c.log
}
