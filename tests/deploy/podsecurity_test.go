// Judges the DaemonSet's pod with the API server's own Pod Security code.
package deploy

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func daemonSetPod(t *testing.T) corev1.PodTemplateSpec {
	t.Helper()
	for _, text := range documents(t, "../../deploy/plain/sluice.yaml") {
		var found appsv1.DaemonSet
		if err := yaml.Unmarshal(text, &found); err != nil {
			t.Fatal(err)
		}
		if found.Kind == "DaemonSet" {
			return found.Spec.Template
		}
	}
	t.Fatal("no DaemonSet")
	return corev1.PodTemplateSpec{}
}

// What keeps the pod from a level, by the check's own words, sorted.
func forbidden(t *testing.T, level api.Level, pod corev1.PodTemplateSpec) []string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()},
		&pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			reasons = append(reasons, result.ForbiddenReason)
		}
	}
	slices.Sort(reasons)
	return reasons
}

// The pod as it would be with one container alone and what it mounts.
func only(pod corev1.PodTemplateSpec, name string) corev1.PodTemplateSpec {
	alone := *pod.DeepCopy()
	alone.Spec.Containers, alone.Spec.Volumes = nil, nil
	for _, container := range pod.Spec.Containers {
		if container.Name != name {
			continue
		}
		alone.Spec.Containers = append(alone.Spec.Containers, container)
		for _, volume := range pod.Spec.Volumes {
			if slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume.Name }) {
				alone.Spec.Volumes = append(alone.Spec.Volumes, volume)
			}
		}
	}
	return alone
}

func TestProxyIsRestrictedButForTheHostNetwork(t *testing.T) {
	pod := only(daemonSetPod(t), "proxy")
	if got, want := forbidden(t, api.LevelRestricted, pod), []string{"host namespaces"}; !slices.Equal(got, want) {
		t.Errorf("not restricted: %q, want %q", got, want)
	}
	pod.Spec.HostNetwork = false
	if got := forbidden(t, api.LevelRestricted, pod); len(got) != 0 {
		t.Errorf("not restricted without the host network: %q", got)
	}
}

func TestAgentNeedsThreeExceptionsOfBaseline(t *testing.T) {
	got := forbidden(t, api.LevelBaseline, only(daemonSetPod(t), "agent"))
	want := []string{"host namespaces", "hostPath volumes", "non-default capabilities"}
	if !slices.Equal(got, want) {
		t.Errorf("not baseline: %q, want %q", got, want)
	}
}
