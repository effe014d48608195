package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"sluice.edgeprime.io/tests/conformance/container/spec"
)

// What a container has if its security context says nothing.
var defaultCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// secure puts the security contexts of pod and container into the document; the container's wins.
func (c *container) secure(s *spec.Container, image *Image) error {
	outer, inner := c.pod.object.Spec.SecurityContext, c.spec.SecurityContext
	if outer == nil {
		outer = &corev1.PodSecurityContext{}
	}
	if inner == nil {
		inner = &corev1.SecurityContext{}
	}
	if err := user(s, image, outer, inner); err != nil {
		return err
	}
	s.Privileged = isTrue(inner.Privileged)
	s.ReadOnlyRoot = isTrue(inner.ReadOnlyRootFilesystem)
	s.Capabilities = capabilities(inner.Capabilities)
	s.NoNewPrivileges = inner.AllowPrivilegeEscalation != nil && !*inner.AllowPrivilegeEscalation
	profile := inner.SeccompProfile
	if profile == nil {
		profile = outer.SeccompProfile
	}
	if profile != nil {
		switch profile.Type {
		case corev1.SeccompProfileTypeRuntimeDefault:
			s.Seccomp = true
		case corev1.SeccompProfileTypeLocalhost:
			return fmt.Errorf("a local seccomp profile is not known here: %s", *profile.LocalhostProfile)
		}
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }

func user(s *spec.Container, image *Image, outer *corev1.PodSecurityContext, inner *corev1.SecurityContext) error {
	uid, gid, _ := strings.Cut(image.User, ":")
	s.UID, s.GID = number(uid), number(gid)
	for _, from := range []struct{ uid, gid *int64 }{{outer.RunAsUser, outer.RunAsGroup}, {inner.RunAsUser, inner.RunAsGroup}} {
		if from.uid != nil {
			s.UID = uint32(*from.uid)
		}
		if from.gid != nil {
			s.GID = uint32(*from.gid)
		}
	}
	s.Groups = append(s.Groups, s.GID)
	for _, group := range outer.SupplementalGroups {
		s.Groups = append(s.Groups, uint32(group))
	}
	if outer.FSGroup != nil {
		s.Groups = append(s.Groups, uint32(*outer.FSGroup))
	}
	nonRoot := isTrue(outer.RunAsNonRoot)
	if inner.RunAsNonRoot != nil {
		nonRoot = *inner.RunAsNonRoot
	}
	if nonRoot && s.UID == 0 {
		return fmt.Errorf("container has runAsNonRoot and would run as user 0")
	}
	return nil
}

func number(text string) uint32 {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func capabilities(change *corev1.Capabilities) []string {
	set := slices.Clone(defaultCapabilities)
	if change == nil {
		return set
	}
	for _, dropped := range change.Drop {
		name := plainName(dropped)
		set = slices.DeleteFunc(set, func(c string) bool { return name == "ALL" || name == c })
	}
	for _, added := range change.Add {
		if name := plainName(added); !slices.Contains(set, name) {
			set = append(set, name)
		}
	}
	return set
}

func plainName(c corev1.Capability) string {
	return strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_")
}
