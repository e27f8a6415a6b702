//go:build unix

package cli

import "syscall"

// descriptors returns RLIMIT_NOFILE, the number of file descriptors that this
// process may have, or 0 if that is unknown. The Go runtime has raised the soft
// limit to the hard one already.
func descriptors() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	return uint64(l.Cur)
}
