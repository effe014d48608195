package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"sluice.edgeprime.io/tests/conformance/container/spec"
)

// In the kernel's order: a capability's number is its place.
var capabilityNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// capabilitySet is a bit mask; unknown names are an error, as a misspelt one grants nothing.
func capabilitySet(c *spec.Container) (uint64, error) {
	if c.Privileged {
		return 1<<len(capabilityNames) - 1, nil
	}
	var set uint64
	for _, name := range c.Capabilities {
		found := false
		for number, known := range capabilityNames {
			if name == known {
				set, found = set|1<<number, true
			}
		}
		if !found {
			return 0, fmt.Errorf("unknown capability %q", name)
		}
	}
	return set, nil
}

// dropPrivileges comes last: the filter goes in while this thread may still install one without
// no_new_privs, and it lets the rest of these calls pass.
func dropPrivileges(c *spec.Container) error {
	set, err := capabilitySet(c)
	if err != nil {
		return err
	}
	if c.Seccomp && !c.Privileged {
		if err := installFilter(c.Capabilities); err != nil {
			return err
		}
	}
	for number := range capabilityNames {
		if set&(1<<number) != 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(number), 0, 0, 0); err != nil && err != unix.EINVAL {
			return fmt.Errorf("drop %s: %w", capabilityNames[number], err)
		}
	}
	if err := becomeUser(c); err != nil {
		return err
	}
	if c.UID == 0 {
		if err := setCapabilities(set); err != nil {
			return err
		}
	}
	if c.NoNewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("no_new_privs: %w", err)
		}
	}
	return nil
}

// becomeUser changes this thread alone; Go's own calls would change them all, which is not needed.
func becomeUser(c *spec.Container) error {
	var groups *uint32
	if len(c.Groups) > 0 {
		groups = &c.Groups[0]
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(c.Groups)), uintptr(unsafe.Pointer(groups)), 0); errno != 0 {
		return fmt.Errorf("groups: %w", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGID, uintptr(c.GID), 0, 0); errno != 0 {
		return fmt.Errorf("group %d: %w", c.GID, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETUID, uintptr(c.UID), 0, 0); errno != 0 {
		return fmt.Errorf("user %d: %w", c.UID, errno)
	}
	return nil
}

func setCapabilities(set uint64) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(set), Permitted: uint32(set)},
		{Effective: uint32(set >> 32), Permitted: uint32(set >> 32)},
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}
