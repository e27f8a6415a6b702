//go:build unix && !linux

package weir

import (
	"golang.org/x/sys/unix"

	"github.com/weir-go/weir/reactor"
)

var systemPollers []pollerMaker

// ownFDs are the descriptors that a poller has opened.
func ownFDs(p reactor.Poller) []int {
	s := p.(*selectPoller)
	return []int{s.wakeR, s.wakeW}
}

func dup2(from, to int) error { return unix.Dup2(from, to) }
