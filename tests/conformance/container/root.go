package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"sluice.edgeprime.io/tests/conformance/container/spec"
)

// What a runtime hides of /proc and /sys, and what it shows read-only.
var (
	masked = []string{
		"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
	}
	readOnly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
	devices  = []string{"null", "zero", "full", "random", "urandom", "tty"}
)

// buildRoot makes the container's root and moves into it. The image lies below a writable layer in
// memory even if the root is to be read-only, because mount points have to be made in it.
func buildRoot(c *spec.Container) error {
	if c.Join {
		return chdir(c)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("new mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	root, err := overlay(c)
	if err != nil {
		return err
	}
	for _, step := range []func(*spec.Container, string) error{kernelFolders, writeFiles, volumes, hide, enterRoot} {
		if err := step(c, root); err != nil {
			return err
		}
	}
	if c.Hostname != "" {
		if err := unix.Sethostname([]byte(c.Hostname)); err != nil {
			return fmt.Errorf("host name: %w", err)
		}
	}
	return chdir(c)
}

func overlay(c *spec.Container) (string, error) {
	if err := unix.Mount("tmpfs", c.Bundle, "tmpfs", unix.MS_NOSUID, "mode=0755"); err != nil {
		return "", fmt.Errorf("tmpfs on %s: %w", c.Bundle, err)
	}
	layer := func(name string) string { return filepath.Join(c.Bundle, name) }
	for _, name := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(layer(name), 0o755); err != nil {
			return "", err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", c.Image, layer("upper"), layer("work"))
	if err := unix.Mount("overlay", layer("root"), "overlay", 0, options); err != nil {
		return "", fmt.Errorf("overlay of %s: %w", c.Image, err)
	}
	return layer("root"), nil
}

// kernelFolders mounts /proc, /sys and /dev.
func kernelFolders(c *spec.Container, root string) error {
	const quiet = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	sys := uintptr(quiet | unix.MS_RDONLY)
	if c.Privileged {
		sys = quiet
	}
	for _, m := range []struct {
		target, kind, options string
		flags                 uintptr
	}{
		{"proc", "proc", "", quiet},
		{"sys", "sysfs", "", sys},
		{"dev", "tmpfs", "mode=755,size=65536k", unix.MS_NOSUID},
		{"dev/shm", "tmpfs", "mode=1777,size=65536k", quiet},
	} {
		target := filepath.Join(root, m.target)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, target, m.kind, m.flags, m.options); err != nil {
			return fmt.Errorf("mount /%s: %w", m.target, err)
		}
	}
	for _, name := range devices {
		if err := bind("/dev/"+name, filepath.Join(root, "dev", name), false); err != nil {
			return err
		}
	}
	for link, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(target, filepath.Join(root, "dev", link)); err != nil {
			return err
		}
	}
	return nil
}

func writeFiles(c *spec.Container, root string) error {
	for path, content := range c.Files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func volumes(c *spec.Container, root string) error {
	for _, m := range c.Mounts {
		if err := bind(m.Source, filepath.Join(root, m.Target), m.ReadOnly); err != nil {
			return err
		}
	}
	return nil
}

// bind mounts a file or folder, and makes the mount point if there is none.
func bind(source, target string, readOnly bool) error {
	info, err := os.Stat(source)
	if err != nil {
		return fmt.Errorf("mount %s: %w", source, err)
	}
	if err := mountPoint(target, info.IsDir()); err != nil {
		return fmt.Errorf("mount point %s: %w", target, err)
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mount %s: %w", source, err)
	}
	if readOnly {
		return remountReadOnly(target)
	}
	return nil
}

func mountPoint(path string, folder bool) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if folder {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o644)
}

// remountReadOnly keeps the flags that the mount has: dropping nosuid and the like is not allowed
// everywhere.
func remountReadOnly(path string) error {
	var info unix.Statfs_t
	if err := unix.Statfs(path, &info); err != nil {
		return fmt.Errorf("flags of %s: %w", path, err)
	}
	kept := uintptr(info.Flags) & (unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	if err := unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|kept, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", path, err)
	}
	return nil
}

func hide(c *spec.Container, root string) error {
	if c.Privileged {
		return nil
	}
	for _, path := range readOnly {
		target := filepath.Join(root, path)
		if err := bind(target, target, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, path := range masked {
		target := filepath.Join(root, path)
		info, err := os.Stat(target)
		if err != nil {
			continue // this kernel has none
		}
		if info.IsDir() {
			err = unix.Mount("tmpfs", target, "tmpfs", unix.MS_RDONLY, "size=0k")
		} else {
			err = unix.Mount("/dev/null", target, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("mask %s: %w", path, err)
		}
	}
	return nil
}

// enterRoot makes root the root of this mount namespace; nothing of the node stays in reach.
func enterRoot(c *spec.Container, root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	// Both places may be the same: the old root then lies on top, and is taken off.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if c.ReadOnlyRoot {
		return remountReadOnly("/")
	}
	return nil
}

func chdir(c *spec.Container) error {
	folder := c.WorkDir
	if folder == "" {
		folder = "/"
	}
	if err := unix.Chdir(folder); err != nil {
		return fmt.Errorf("working folder %s: %w", folder, err)
	}
	return nil
}
