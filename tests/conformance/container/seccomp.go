package main

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// The filter refuses what the default profile of container runtimes refuses. That profile lists
// what is allowed; listed here is the rest: system calls that need a capability which the container
// does not have, and those that nobody gets.

// rule: the call is allowed if the container has one of the capabilities.
type rule struct {
	calls        []uint32
	capabilities []string
}

var refused = append([]rule{
	{[]uint32{unix.SYS_BPF}, []string{"BPF", "SYS_ADMIN"}},
	{[]uint32{unix.SYS_PERF_EVENT_OPEN}, []string{"PERFMON", "SYS_ADMIN"}},
	{[]uint32{
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
		unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_MOUNT_SETATTR, unix.SYS_UNSHARE, unix.SYS_SETNS,
		unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
		unix.SYS_FANOTIFY_INIT, unix.SYS_LOOKUP_DCOOKIE,
	}, []string{"SYS_ADMIN"}},
	{[]uint32{unix.SYS_SYSLOG}, []string{"SYSLOG", "SYS_ADMIN"}},
	{[]uint32{unix.SYS_OPEN_BY_HANDLE_AT}, []string{"DAC_READ_SEARCH"}},
	{[]uint32{unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE}, []string{"SYS_MODULE"}},
	{[]uint32{unix.SYS_REBOOT}, []string{"SYS_BOOT"}},
	{[]uint32{unix.SYS_ACCT}, []string{"SYS_PACCT"}},
	{[]uint32{unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME}, []string{"SYS_TIME"}},
	{[]uint32{unix.SYS_VHANGUP}, []string{"SYS_TTY_CONFIG"}},
	{[]uint32{unix.SYS_MBIND, unix.SYS_GET_MEMPOLICY, unix.SYS_SET_MEMPOLICY}, []string{"SYS_NICE"}},
	{[]uint32{
		unix.SYS_ADD_KEY, unix.SYS_KEYCTL, unix.SYS_REQUEST_KEY, unix.SYS_KEXEC_LOAD, unix.SYS_PIVOT_ROOT,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP,
		unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER, unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES,
		unix.SYS_NFSSERVCTL,
	}, nil},
}, refusedHere...)

// Offsets in struct seccomp_data (linux/seccomp.h); of an argument the lower half, little-endian.
const (
	offsetCall  = 0
	offsetArch  = 4
	offsetFirst = 16

	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
		unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP
)

func refuse(errno unix.Errno) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}

func has(capabilities []string, wanted []string) bool {
	for _, c := range capabilities {
		for _, w := range wanted {
			if c == w {
				return true
			}
		}
	}
	return false
}

// onCall runs the instructions if the call is this one; they must end, or leave the number loaded.
func onCall(call uint32, then ...bpf.Instruction) []bpf.Instruction {
	test := bpf.JumpIf{Cond: bpf.JumpEqual, Val: call, SkipFalse: uint8(len(then))}
	return append([]bpf.Instruction{test}, then...)
}

func filter(capabilities []string) []bpf.Instruction {
	load, allow := bpf.LoadAbsolute{Off: offsetCall, Size: 4}, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	argument := bpf.LoadAbsolute{Off: offsetFirst, Size: 4}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: offsetArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch[runtime.GOARCH], SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		load,
	}
	for _, r := range refused {
		if has(capabilities, r.capabilities) {
			continue
		}
		for _, call := range r.calls {
			program = append(program, onCall(call, refuse(unix.EPERM))...)
		}
	}
	if !has(capabilities, []string{"SYS_ADMIN"}) {
		// clone3 hides its flags behind a pointer: programs fall back to clone.
		program = append(program, onCall(unix.SYS_CLONE3, refuse(unix.ENOSYS))...)
		program = append(program, onCall(unix.SYS_CLONE, argument,
			bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: newNamespaces, SkipFalse: 1}, refuse(unix.EPERM), allow)...)
	}
	program = append(program, onCall(unix.SYS_SOCKET, argument,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_VSOCK, SkipFalse: 1}, refuse(unix.EPERM), allow)...)
	return append(program, allow)
}

var auditArch = map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}

func installFilter(capabilities []string) error {
	raw, err := bpf.Assemble(filter(capabilities))
	if err != nil {
		return fmt.Errorf("system call filter: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("system call filter: %w", errno)
	}
	return nil
}
