package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// pod is one pod's life: volumes, network, init containers, containers, status. One goroutine runs
// it (run), another may stop it; what they share is behind mu or a channel.
type pod struct {
	kubelet *kubelet
	machine *machine
	object  *corev1.Pod // as it was when the pod started; not changed
	folder  string
	started time.Time

	network        *podNetwork // nil: the node's
	volumes        *volumes
	initContainers []*container
	containers     []*container
	reporter       *reporter

	woken   chan struct{}      // a secret or a config map of the namespace changed
	cancel  context.CancelFunc // ends everything but running processes
	once    sync.Once
	grace   time.Duration // of the containers, once cancel was called
	done    chan struct{}
	message string // why it does not start
	mu      sync.Mutex
}

func newPod(k *kubelet, m *machine, object *corev1.Pod) *pod {
	p := &pod{
		kubelet: k, machine: m, object: object, started: time.Now(),
		folder: filepath.Join(k.config.State, string(object.UID)),
		woken:  make(chan struct{}, 1), done: make(chan struct{}), cancel: func() {},
	}
	for i := range object.Spec.InitContainers {
		p.initContainers = append(p.initContainers, newContainer(p, &object.Spec.InitContainers[i]))
	}
	for i := range object.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.Containers[i]))
	}
	p.volumes, p.reporter = newVolumes(p), newReporter(p)
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.reporter.context = ctx
	return p
}

func (p *pod) name() string { return p.object.Namespace + "/" + p.object.Name }

func (p *pod) hostNetwork() bool { return p.object.Spec.HostNetwork }

func (p *pod) address() string {
	if p.network == nil {
		return p.machine.Address
	}
	return p.network.address.String()
}

func (p *pod) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

// run returns when the pod has ended and everything of it is gone.
func (p *pod) run(parent context.Context) {
	defer close(p.done)
	defer p.cleanUp()
	ctx := p.reporter.context
	reported := make(chan struct{})
	go func() {
		defer close(reported)
		p.reporter.run()
	}()
	defer func() { <-reported }()
	if err := p.prepare(ctx); err != nil {
		if ctx.Err() == nil {
			log.Printf("pod %s: %v", p.name(), err)
			p.setMessage(err.Error())
			<-ctx.Done()
		}
		return
	}
	go p.volumes.keep(ctx)
	var sidecars sync.WaitGroup
	defer sidecars.Wait()
	if !p.initialize(ctx, &sidecars) {
		<-ctx.Done()
		return
	}
	var wg sync.WaitGroup
	for _, c := range p.containers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c.run(ctx)
		}()
	}
	wg.Wait()
	<-ctx.Done()
}

// stop ends the pod; false if somebody else is doing so, who may have given it longer.
func (p *pod) stop(grace time.Duration) bool {
	first := false
	p.once.Do(func() {
		first = true
		p.mu.Lock()
		p.grace = grace
		p.mu.Unlock()
		p.cancel()
	})
	<-p.done
	return first
}

func (p *pod) graceLeft() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.grace
}

func (p *pod) setMessage(text string) {
	p.mu.Lock()
	p.message = text
	p.mu.Unlock()
	p.reporter.changed()
}

func (p *pod) prepare(ctx context.Context) error {
	if err := os.MkdirAll(p.folder, 0o755); err != nil {
		return err
	}
	if err := p.volumes.prepare(ctx); err != nil {
		return fmt.Errorf("volumes: %w", err)
	}
	if p.hostNetwork() {
		return nil
	}
	var err error
	if p.network, err = p.kubelet.network.attach(); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	return nil
}

// initialize runs the init containers one after the other; one that is to be restarted always is a
// sidecar, and only has to have started.
func (p *pod) initialize(ctx context.Context, sidecars *sync.WaitGroup) bool {
	for _, c := range p.initContainers {
		if !c.sidecar() {
			c.run(ctx)
			if !c.succeeded() {
				return false
			}
			continue
		}
		sidecars.Add(1)
		go func() {
			defer sidecars.Done()
			c.run(ctx)
		}()
		for !c.state().started && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	return ctx.Err() == nil
}

func (p *pod) cleanUp() {
	p.volumes.unmount()
	if p.network != nil {
		p.network.close()
	}
	if err := os.RemoveAll(p.folder); err != nil {
		log.Printf("pod %s: %v", p.name(), err)
	}
}

// listening is what stands in for a readiness probe where a pod has none: real clusters start
// programs long before anybody looks, this one within milliseconds. Bounded, as a program need not
// listen at all.
func (p *pod) listening(ctx context.Context, pid int) {
	const tcpListen, udpOpen = "0A", "07"
	for end := time.Now().Add(3 * time.Second); ctx.Err() == nil && time.Now().Before(end); {
		for table, wanted := range map[string]string{"tcp": tcpListen, "tcp6": tcpListen, "udp": udpOpen, "udp6": udpOpen} {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
			if err != nil {
				return // it ended
			}
			for _, line := range bytes.Split(text, []byte("\n")) {
				if fields := strings.Fields(string(line)); len(fields) > 3 && fields[3] == wanted {
					return
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (p *pod) container(name string) *container {
	for _, list := range [][]*container{p.containers, p.initContainers} {
		for _, c := range list {
			if c.spec.Name == name {
				return c
			}
		}
	}
	return nil
}
