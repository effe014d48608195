package main

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestCapabilitiesAreDroppedBeforeTheyAreAdded(t *testing.T) {
	for _, row := range []struct {
		change *corev1.Capabilities
		want   []string
	}{
		{nil, defaultCapabilities},
		{&corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, nil},
		{&corev1.Capabilities{Drop: []corev1.Capability{"ALL"}, Add: []corev1.Capability{"NET_ADMIN", "CAP_BPF"}}, []string{"NET_ADMIN", "BPF"}},
		{&corev1.Capabilities{Add: []corev1.Capability{"KILL"}}, defaultCapabilities},
	} {
		if got := capabilities(row.change); !slices.Equal(got, row.want) {
			t.Errorf("%v: got %v, want %v", row.change, got, row.want)
		}
	}
}
