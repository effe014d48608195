package main

import "golang.org/x/sys/unix"

// System calls that only this architecture has.
var refusedHere = []rule{
	{[]uint32{unix.SYS_IOPL, unix.SYS_IOPERM}, []string{"SYS_RAWIO"}},
	{[]uint32{
		unix.SYS_KEXEC_FILE_LOAD, unix.SYS_CREATE_MODULE, unix.SYS_QUERY_MODULE, unix.SYS_GET_KERNEL_SYMS,
		unix.SYS_USELIB, unix.SYS_USTAT, unix.SYS_SYSFS, unix.SYS__SYSCTL,
	}, nil},
}
