// Package spec is what the node program and the container program tell each other: one JSON document
// on descriptor 3; on descriptor 6 why the process could not be started, or nothing once it was.
// Descriptors 4 and 5 are the mount and the network namespace to start from.
package spec

// Descriptors of the container program.
const (
	DocumentFD = 3
	MountNSFD  = 4
	NetNSFD    = 5
	FailureFD  = 6
)

// Container is one process to start, and how much it may do.
type Container struct {
	Join bool // the mount namespace is a running container's: no root to build (exec)

	Image        string // folder with the image's files; never written to
	Bundle       string // an empty folder, for what the container writes to its root
	ReadOnlyRoot bool
	Hostname     string            // none: the node's
	Files        map[string]string // written into the root: path -> content
	Mounts       []Mount

	Args    []string
	Env     []string
	WorkDir string

	UID, GID        uint32
	Groups          []uint32
	Capabilities    []string // the bounding set, and of user 0 also the effective one
	Privileged      bool     // all capabilities, nothing masked, no filter
	NoNewPrivileges bool
	Seccomp         bool // the filter of a runtime's default profile
}

// Mount puts a folder or a file of the node into the container.
type Mount struct {
	Source   string
	Target   string
	ReadOnly bool
}
