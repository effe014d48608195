package main

import "golang.org/x/sys/unix"

// System calls with a number of their own here.
var refusedHere = []rule{{[]uint32{unix.SYS_KEXEC_FILE_LOAD}, nil}}
