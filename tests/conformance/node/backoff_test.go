package main

import (
	"slices"
	"testing"
	"time"
)

func TestBackOffDoublesAndForgets(t *testing.T) {
	wait := newBackOff(10 * time.Second)
	var got []float64
	for _, ran := range []time.Duration{1, 1, 1, 1, 1, 1, 1, 1, 11 * time.Minute, 1} {
		got = append(got, wait.after(ran).Seconds())
	}
	if want := []float64{0, 10, 20, 40, 80, 160, 300, 300, 0, 10}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
