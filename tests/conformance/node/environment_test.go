package main

import "testing"

func TestExpandsVariables(t *testing.T) {
	env := []string{"A=1", "B=$(A)"}
	for text, want := range map[string]string{
		"plain": "plain", "$(A)-$(A)": "1-1", "$(B)": "$(A)", "$(C)": "$(C)", "$$(A)": "$(A)", "$": "$", "$(A": "$(A",
	} {
		if got := expand(text, env); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
