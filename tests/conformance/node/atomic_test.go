package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// visible reads what a container sees, names that start with ".." aside.
func visible(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "..") {
			continue
		}
		path, err := filepath.EvalSymlinks(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			found[entry.Name()] = "folder"
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = info.Mode().String() + " " + string(text)
	}
	return found
}

func TestReplacesAllFilesAtOnce(t *testing.T) {
	folder := t.TempDir()
	for _, row := range []struct {
		files map[string]file
		want  map[string]string
	}{
		{map[string]file{"a": {[]byte("1"), 0o644}, "b": {[]byte("2"), 0o600}}, map[string]string{"a": "-rw-r--r-- 1", "b": "-rw------- 2"}},
		{map[string]file{"a": {[]byte("3"), 0o644}, "d/e": {[]byte("4"), 0o644}}, map[string]string{"a": "-rw-r--r-- 3", "d": "folder"}},
		{nil, map[string]string{}},
	} {
		if err := replaceContent(folder, row.files, -1); err != nil {
			t.Fatal(err)
		}
		if got := visible(t, folder); !maps.Equal(got, row.want) {
			t.Errorf("got %v, want %v", got, row.want)
		}
		hidden, _ := filepath.Glob(filepath.Join(folder, "..2*"))
		if len(hidden) != 1 {
			t.Errorf("old content stays: %v", hidden)
		}
	}
}
