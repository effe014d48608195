package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probe runs a container's probes until the context ends: startup, then readiness and liveness.
func (c *container) probe(ctx context.Context, p *process) {
	if c.spec.StartupProbe != nil {
		if !c.startUp(ctx, p) {
			return
		}
	} else if c.spec.ReadinessProbe == nil && c.pod.network != nil && !c.isInit() {
		c.pod.listening(ctx, p.cmd.Process.Pid)
	}
	if ctx.Err() != nil {
		return
	}
	c.change(func(s *containerState) { s.started, s.ready = true, c.spec.ReadinessProbe == nil })
	if c.spec.LivenessProbe != nil {
		go c.live(ctx, p)
	}
	if c.spec.ReadinessProbe != nil {
		c.watch(ctx, p, c.spec.ReadinessProbe, func(good bool) bool {
			c.change(func(s *containerState) { s.ready = good })
			return true
		})
	}
}

func (c *container) startUp(ctx context.Context, p *process) bool {
	started := false
	c.watch(ctx, p, c.spec.StartupProbe, func(good bool) bool {
		if started = good; !good {
			c.restart(p, "its startup probe failed")
		}
		return false
	})
	return started
}

func (c *container) live(ctx context.Context, p *process) {
	c.watch(ctx, p, c.spec.LivenessProbe, func(good bool) bool {
		if !good {
			c.restart(p, "its liveness probe failed")
		}
		return good
	})
}

// watch calls verdict each time that enough results in a row agree; it ends when verdict says false.
func (c *container) watch(ctx context.Context, p *process, probe *corev1.Probe, verdict func(good bool) bool) {
	wanted := map[bool]int32{true: max(1, probe.SuccessThreshold), false: orDefault(probe.FailureThreshold, 3)}
	period := time.Duration(orDefault(probe.PeriodSeconds, 10)) * time.Second
	var row int32
	last := false
	for delay := time.Duration(probe.InitialDelaySeconds) * time.Second; ; delay = period {
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
		err := c.try(ctx, p, probe)
		if ctx.Err() != nil {
			return
		}
		good := err == nil
		if good != last {
			row = 0
		}
		last = good
		if row++; !good && row == 1 {
			c.note(err)
		}
		if row == wanted[good] && !verdict(good) {
			return
		}
	}
}

func (c *container) note(err error) {
	fmt.Fprintf(c.logs(false), "node: probe of %s: %v\n", c.spec.Name, err)
}

func orDefault(value, other int32) int32 {
	if value == 0 {
		return other
	}
	return value
}

func (c *container) try(ctx context.Context, p *process, probe *corev1.Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(orDefault(probe.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	switch {
	case probe.Exec != nil:
		return c.execute(ctx, p, probe.Exec.Command)
	case probe.HTTPGet != nil:
		return c.get(ctx, probe.HTTPGet)
	case probe.TCPSocket != nil:
		connection, err := c.dial(ctx, net.JoinHostPort(c.host(probe.TCPSocket.Host), c.port(probe.TCPSocket.Port)))
		if err != nil {
			return err
		}
		return connection.Close()
	}
	return errors.New("a kind of probe that is not known here")
}

func (c *container) host(given string) string {
	if given != "" {
		return given
	}
	return c.pod.address()
}

func (c *container) port(port intstr.IntOrString) string {
	for _, p := range c.spec.Ports {
		if port.Type == intstr.String && p.Name == port.StrVal {
			return fmt.Sprint(p.ContainerPort)
		}
	}
	return port.String()
}

func (c *container) get(ctx context.Context, get *corev1.HTTPGetAction) error {
	host := net.JoinHostPort(c.host(get.Host), c.port(get.Port))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+get.Path, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return c.dial(ctx, address)
	}}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("%s: %s", host+get.Path, response.Status)
	}
	return nil
}

// dial connects from the node's network namespace, where a kubelet stands.
func (c *container) dial(ctx context.Context, address string) (connection net.Conn, err error) {
	dialer := net.Dialer{FallbackDelay: -1} // no second goroutine, which would be outside
	err = c.pod.machine.do(func() (err error) {
		connection, err = dialer.DialContext(ctx, "tcp", address)
		return err
	})
	return connection, err
}
