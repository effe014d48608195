package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// file is one file of a volume.
type file struct {
	data []byte
	mode os.FileMode
}

// Names in a volume folder, as a kubelet's: the visible files are links through ..data, which is one
// rename away from the next content. So a reader sees all of the old files or all of the new.
const (
	dataLink = "..data"
	nextLink = "..data_tmp"
)

// replaceContent makes the folder hold exactly these files (path -> file).
func replaceContent(folder string, files map[string]file, group int) error {
	now := time.Now()
	name := fmt.Sprintf("..%s.%09d", now.Format("2006_01_02_15_04_05"), now.Nanosecond())
	for path, f := range files {
		if err := writeFile(filepath.Join(folder, name, path), f, group); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil { // there may be no file
		return err
	}
	old, _ := os.Readlink(filepath.Join(folder, dataLink)) // none at first
	if err := os.Symlink(name, filepath.Join(folder, nextLink)); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(folder, nextLink), filepath.Join(folder, dataLink)); err != nil {
		return err
	}
	if err := linkTops(folder, files); err != nil {
		return err
	}
	if old != "" {
		return os.RemoveAll(filepath.Join(folder, old))
	}
	return nil
}

func writeFile(path string, f file, group int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := f.mode
	if group >= 0 {
		mode |= 0o440 // a group of the pod's own is there to read
	}
	if err := os.WriteFile(path, f.data, mode); err != nil {
		return err
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		return err
	}
	if group >= 0 {
		return os.Chown(path, 0, group)
	}
	return nil
}

// linkTops has a visible link for each first part of a path, and none for those that are gone.
func linkTops(folder string, files map[string]file) error {
	tops := map[string]bool{}
	for path := range files {
		top, _, _ := strings.Cut(path, "/")
		tops[top] = true
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		switch name := entry.Name(); {
		case strings.HasPrefix(name, ".."):
		case tops[name]:
			delete(tops, name)
		default:
			if err := os.Remove(filepath.Join(folder, name)); err != nil {
				return err
			}
		}
	}
	for top := range tops {
		if err := os.Symlink(filepath.Join(dataLink, top), filepath.Join(folder, top)); err != nil {
			return err
		}
	}
	return nil
}
