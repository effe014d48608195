package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"sluice.edgeprime.io/tests/conformance/container/spec"
)

// process is a container's first process; it is number 1 in a process namespace of its own, so its
// end is the end of all the others.
type process struct {
	id     string
	spec   *spec.Container
	cmd    *launch
	status int
	done   chan struct{} // closed when status is there
}

func startProcess(c *container, out io.Writer) (*process, error) {
	image := c.pod.kubelet.config.image(c.spec.Image)
	if image == nil {
		return nil, fmt.Errorf("no local folder stands for the image %s", c.spec.Image)
	}
	s, err := c.describe(image)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(s.Bundle); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.Bundle, 0o755); err != nil {
		return nil, err
	}
	p := &process{id: "lab://" + string(c.pod.object.UID) + "/" + c.spec.Name, spec: s, done: make(chan struct{})}
	network := c.pod.machine.netns
	if c.pod.network != nil {
		network = c.pod.network.namespace
	}
	if p.cmd, err = newLaunch(c.pod.kubelet.config.Container, s, c.pod.machine.mountns, network); err != nil {
		return nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the child dies with the thread that started it
		defer runtime.UnlockOSThread()
		err := p.cmd.start()
		started <- err
		if err == nil {
			p.status = exitStatus(p.cmd.Wait())
			close(p.done)
		}
	}()
	return p, <-started
}

// launch is the container program with its document, which it reads from a pipe; on another it says
// why it failed.
type launch struct {
	*exec.Cmd
	document, failure, told *os.File
}

func newLaunch(program string, s *spec.Container, mountns, netns *os.File) (*launch, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	document, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		defer write.Close()
		_, _ = write.Write(text) // a reader that ended early has said why
	}()
	failure, told, err := os.Pipe()
	if err != nil {
		document.Close()
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = []string{}
	cmd.ExtraFiles = []*os.File{document, mountns, netns, told} // descriptors 3 to 6
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return &launch{Cmd: cmd, document: document, failure: failure, told: told}, nil
}

// start returns when the container's own program runs: before that, its namespaces are not its own.
func (l *launch) start() error {
	defer l.failure.Close()
	err := l.Start()
	l.document.Close()
	l.told.Close()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(l.failure)
	if err == nil && len(text) > 0 {
		err = errors.New(string(text))
	}
	if err != nil {
		_ = l.Wait() // it ends by itself; its status says less than its text
	}
	return err
}

// exitStatus is a shell's: 128 and the signal's number for a process that was killed.
func exitStatus(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return 128
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

func (p *process) wait() int {
	<-p.done
	return p.status
}

func (p *process) terminate() { _ = p.cmd.Process.Signal(syscall.SIGTERM) } // it may be gone

func (p *process) kill() { _ = p.cmd.Process.Kill() }

// execute runs a command in the container, with the same rights; an error unless it ends with 0.
func (c *container) execute(ctx context.Context, p *process, words []string) error {
	s := *p.spec
	s.Join, s.Args = true, words
	var namespaces [3]*os.File
	for i, name := range []string{"mnt", "net", "pid"} {
		file, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", p.cmd.Process.Pid, name))
		if err != nil {
			return err
		}
		defer file.Close()
		namespaces[i] = file
	}
	cmd, err := newLaunch(c.pod.kubelet.config.Container, &s, namespaces[0], namespaces[1])
	if err != nil {
		return err
	}
	cmd.SysProcAttr.Pdeathsig = 0 // in another process namespace it would not find its parent, and give up
	var out logBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: its children are born into that process namespace
		if err := unix.Setns(int(namespaces[2].Fd()), unix.CLONE_NEWPID); err != nil {
			failed <- err
			return
		}
		if err := cmd.start(); err != nil {
			failed <- err
			return
		}
		stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
		defer stop()
		failed <- cmd.Wait()
	}()
	if err := <-failed; err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, out.tail(2))
	}
	return nil
}

// describe is the container as the container program is told it.
func (c *container) describe(image *Image) (*spec.Container, error) {
	env, err := c.environment()
	if err != nil {
		return nil, err
	}
	mounts, err := c.pod.volumes.mounts(c.spec)
	if err != nil {
		return nil, err
	}
	s := &spec.Container{
		Image: image.Root, Bundle: filepath.Join(c.pod.folder, "containers", c.spec.Name),
		Mounts: mounts, Args: c.arguments(image, env), Env: env, WorkDir: c.spec.WorkingDir,
		Hostname: c.pod.object.Name, Files: c.pod.files(),
	}
	if c.pod.hostNetwork() {
		s.Hostname = c.pod.machine.Name
	}
	return s, c.secure(s, image)
}

// files are those that a kubelet writes into every container.
func (p *pod) files() map[string]string {
	host := p.object.Name
	if p.hostNetwork() {
		host = p.machine.Name
	}
	return map[string]string{
		"/etc/hostname":    host + "\n",
		"/etc/hosts":       "127.0.0.1 localhost\n::1 localhost\n" + p.address() + " " + host + "\n",
		"/etc/resolv.conf": "search " + p.object.Namespace + ".svc.cluster.local svc.cluster.local cluster.local\n",
	}
}
