// container starts one process the way a container runtime does: a root of its own, masked /proc,
// the user, the capabilities, no_new_privs and the system call filter of its security context. It
// replaces itself by the process, so whoever started it sees that one's end.
//
//	root.go        the root file system: overlay, mounts, pivot_root
//	privileges.go  capabilities, user, no_new_privs
//	seccomp.go     the filter
//
// It is small on purpose: a pod's start is this program's start, and the suite starts many.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"sluice.edgeprime.io/tests/conformance/container/spec"
)

// Exit status of a container that could not be created; runtimes use the same.
const startError = 128

// Namespaces, capabilities and the filter belong to a thread; exec makes this one the process.
func init() { runtime.LockOSThread() }

func main() {
	if err := start(); err != nil {
		fmt.Fprint(os.NewFile(spec.FailureFD, "failure"), err)
		os.Exit(startError)
	}
}

func start() error {
	var c spec.Container
	if err := json.NewDecoder(os.NewFile(spec.DocumentFD, "document")).Decode(&c); err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	for _, step := range []func(*spec.Container) error{enterNamespaces, buildRoot, dropPrivileges} {
		if err := step(&c); err != nil {
			return err
		}
	}
	program, err := find(c.Args[0], c.Env)
	if err != nil {
		return err
	}
	return fmt.Errorf("run %s: %w", program, unix.Exec(program, c.Args, c.Env))
}

// enterNamespaces moves this thread to the node's, or the running container's, namespaces.
func enterNamespaces(c *spec.Container) error {
	// A thread that shares its root folder with others may not change its mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare the root folder: %w", err)
	}
	if err := unix.Setns(spec.NetNSFD, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace: %w", err)
	}
	if err := unix.Setns(spec.MountNSFD, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter the mount namespace: %w", err)
	}
	for _, fd := range []int{spec.DocumentFD, spec.MountNSFD, spec.NetNSFD, spec.FailureFD} {
		unix.CloseOnExec(fd)
	}
	return nil
}

// find looks a program up as execvp does.
func find(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, variable := range env {
		path, ok := strings.CutPrefix(variable, "PATH=")
		if !ok {
			continue
		}
		for _, folder := range strings.Split(path, ":") {
			if unix.Access(folder+"/"+name, unix.X_OK) == nil {
				return folder + "/" + name, nil
			}
		}
	}
	return "", fmt.Errorf("%s: not in PATH", name)
}
