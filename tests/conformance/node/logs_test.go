package main

import (
	"fmt"
	"net/url"
	"testing"
	"time"
)

func TestSelectsLinesBySinceAndTail(t *testing.T) {
	var b logBuffer
	for i := range 5 {
		fmt.Fprintf(&b, "line %d\n", i)
		b.lines[i].at = time.Unix(int64(100+i), 500)
	}
	fmt.Fprint(&b, "not yet a line")
	for _, row := range []struct {
		query string
		want  string
	}{
		{"", "01234"},
		{"tailLines=2", "34"},
		{"tailLines=0", ""},
		{"tailLines=9", "01234"},
		{"sinceTime=1970-01-01T00:01:43Z", "34"},
		{"sinceTime=1970-01-01T00:01:43Z&tailLines=1", "4"},
		{"sinceTime=1970-01-01T00:02:43Z", ""},
	} {
		query, _ := url.ParseQuery(row.query)
		wanted, err := parseSelection(query)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, line := range b.selected(wanted) {
			got += string(line.text[5])
		}
		if got != row.want {
			t.Errorf("%q: got lines %s, want %s", row.query, got, row.want)
		}
	}
}
