package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"sluice.edgeprime.io/tests/conformance/container/spec"
)

// volumes are a pod's: folders that its containers mount.
type volumes struct {
	pod     *pod
	byName  map[string]*volume
	mounted []string // tmpfs in the node's mount namespace
}

type volume struct {
	path    string
	content *content
	written map[string]file
}

func newVolumes(p *pod) *volumes { return &volumes{pod: p, byName: map[string]*volume{}} }

// prepare makes them all. Files of objects that do not exist yet are waited for.
func (v *volumes) prepare(ctx context.Context) error {
	for i := range v.pod.object.Spec.Volumes {
		declared := &v.pod.object.Spec.Volumes[i]
		made := &volume{
			path:    filepath.Join(v.pod.folder, "volumes", declared.Name),
			content: newContent(v.pod, &declared.VolumeSource),
		}
		v.byName[declared.Name] = made
		if err := v.make(made, declared); err != nil {
			return fmt.Errorf("%s: %w", declared.Name, err)
		}
	}
	for {
		err := v.refresh(ctx)
		if err == nil {
			v.pod.setMessage("")
			return nil
		}
		if !apierrors.IsNotFound(err) {
			log.Printf("pod %s: %v", v.pod.name(), err)
		}
		v.pod.setMessage(err.Error())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-v.pod.woken:
		case <-time.After(2 * time.Second):
		}
	}
}

func (v *volumes) make(made *volume, declared *corev1.Volume) error {
	switch {
	case made.content != nil:
		return os.MkdirAll(made.path, 0o755)
	case declared.EmptyDir != nil:
		return v.makeEmpty(made, declared.EmptyDir)
	case declared.HostPath != nil:
		made.path = declared.HostPath.Path
		return v.pod.machine.do(func() error { return checkHostPath(declared.HostPath) })
	}
	return errors.New("a kind of volume that is not known here")
}

func (v *volumes) group() int {
	if context := v.pod.object.Spec.SecurityContext; context != nil && context.FSGroup != nil {
		return int(*context.FSGroup)
	}
	return -1
}

func (v *volumes) makeEmpty(made *volume, source *corev1.EmptyDirVolumeSource) error {
	if err := os.MkdirAll(made.path, 0o777); err != nil {
		return err
	}
	return v.pod.machine.do(func() error {
		if source.Medium == corev1.StorageMediumMemory {
			options := "mode=0777"
			if source.SizeLimit != nil {
				options += fmt.Sprintf(",size=%d", source.SizeLimit.Value())
			}
			if err := unix.Mount("tmpfs", made.path, "tmpfs", unix.MS_NOSUID, options); err != nil {
				return err
			}
			v.mounted = append(v.mounted, made.path)
		}
		mode := fs.FileMode(0o777)
		if v.group() >= 0 {
			mode |= fs.ModeSetgid
			if err := os.Chown(made.path, 0, v.group()); err != nil {
				return err
			}
		}
		return os.Chmod(made.path, mode)
	})
}

// checkHostPath runs on the node; an empty type checks nothing, and a mount then makes a folder.
func checkHostPath(source *corev1.HostPathVolumeSource) error {
	kind := corev1.HostPathUnset
	if source.Type != nil {
		kind = *source.Type
	}
	info, err := os.Stat(source.Path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	good := true
	switch kind {
	case corev1.HostPathUnset, corev1.HostPathDirectoryOrCreate:
		if missing {
			return os.MkdirAll(source.Path, 0o755)
		}
		good = kind == corev1.HostPathUnset || info.IsDir()
	case corev1.HostPathFileOrCreate:
		if missing {
			return os.WriteFile(source.Path, nil, 0o644)
		}
		good = info.Mode().IsRegular()
	case corev1.HostPathDirectory:
		good = !missing && info.IsDir()
	case corev1.HostPathFile:
		good = !missing && info.Mode().IsRegular()
	case corev1.HostPathSocket:
		good = !missing && info.Mode()&fs.ModeSocket != 0
	default:
		good = !missing
	}
	if !good {
		return fmt.Errorf("%s is not of type %s", source.Path, kind)
	}
	return nil
}

// refresh writes what changed.
func (v *volumes) refresh(ctx context.Context) error {
	for name, volume := range v.byName {
		if volume.content == nil {
			continue
		}
		files, err := volume.content.files(ctx)
		if err != nil {
			return fmt.Errorf("volume %s: %w", name, err)
		}
		if volume.written != nil && reflect.DeepEqual(files, volume.written) {
			continue
		}
		if err := replaceContent(volume.path, files, v.group()); err != nil {
			return fmt.Errorf("volume %s: %w", name, err)
		}
		volume.written = files
	}
	return nil
}

// keep refreshes the files until the context ends. What cannot be had any more stays as it was.
func (v *volumes) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.pod.woken:
		case <-v.tokenAge():
		}
		if err := v.refresh(ctx); err != nil && ctx.Err() == nil {
			log.Printf("pod %s: %v", v.pod.name(), err)
			time.AfterFunc(time.Second, v.pod.wake)
		}
	}
}

// tokenAge fires when the first token gets old.
func (v *volumes) tokenAge() <-chan time.Time {
	var next time.Time
	for _, volume := range v.byName {
		if volume.content == nil {
			continue
		}
		if at := volume.content.nextRefresh(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	if next.IsZero() {
		return nil
	}
	return time.After(max(100*time.Millisecond, time.Until(next)))
}

func (v *volumes) mounts(c *corev1.Container) ([]spec.Mount, error) {
	var mounts []spec.Mount
	for _, m := range c.VolumeMounts {
		volume := v.byName[m.Name]
		if volume == nil {
			return nil, fmt.Errorf("no volume %s", m.Name)
		}
		source := volume.path
		if m.SubPath != "" {
			// A file of the content itself: such a mount does not follow later changes.
			resolved, err := filepath.EvalSymlinks(filepath.Join(source, m.SubPath))
			if err != nil {
				return nil, fmt.Errorf("volume %s: %w", m.Name, err)
			}
			source = resolved
		}
		readOnly := m.ReadOnly || volume.content != nil
		mounts = append(mounts, spec.Mount{Source: source, Target: m.MountPath, ReadOnly: readOnly})
	}
	return mounts, nil
}

// unmount takes the memory folders off the node again.
func (v *volumes) unmount() {
	if len(v.mounted) == 0 {
		return
	}
	if err := v.pod.machine.do(func() error {
		for _, path := range v.mounted {
			if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		log.Printf("pod %s: %v", v.pod.name(), err)
	}
}
