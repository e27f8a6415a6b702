package weir

import (
	"errors"
	"fmt"
)

// PollerKind selects how a loop learns which sockets are ready.
type PollerKind int

const (
	// PollerAuto is PollerEpoll on Linux and PollerSelect on other unix
	// systems.
	PollerAuto PollerKind = iota
	// PollerEpoll is epoll(7). Linux only.
	PollerEpoll
	// PollerSelect is select(2): on every unix system, for descriptors below
	// 1,024, at a cost that grows with the highest of them.
	PollerSelect
)

func (k PollerKind) String() string {
	switch k {
	case PollerAuto:
		return "auto"
	case PollerEpoll:
		return "epoll"
	case PollerSelect:
		return "select"
	}
	return fmt.Sprintf("PollerKind(%d)", int(k))
}

// ErrFDTooLarge is met with errors.Is: select(2) cannot watch this descriptor.
var ErrFDTooLarge = errors.New("descriptor number too large for select")

// FDTooLargeError says that a connection got a descriptor that the select
// poller cannot watch. The connection is closed, or the dial fails; all others
// are unaffected. Use PollerEpoll, or keep MaxConns below the limit.
type FDTooLargeError struct {
	FD    int // the descriptor
	Limit int // the first number that select cannot watch
}

func (e *FDTooLargeError) Error() string {
	return fmt.Sprintf("weir: descriptor %d is beyond select's limit of %d: use the epoll poller or lower MaxConns", e.FD, e.Limit)
}

// Is makes errors.Is(err, ErrFDTooLarge) true.
func (e *FDTooLargeError) Is(target error) bool { return target == ErrFDTooLarge }
