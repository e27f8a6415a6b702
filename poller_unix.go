//go:build unix && !linux

package weir

import (
	"errors"

	"github.com/weir-go/weir/reactor"
)

func newPoller(kind PollerKind, park bool) (reactor.Poller, error) {
	switch kind {
	case PollerAuto, PollerSelect:
		return newSelectPoller()
	case PollerEpoll:
		return nil, &ConfigError{Field: "Poller", Problem: "epoll exists on Linux only", Err: errors.ErrUnsupported}
	}
	return nil, &ConfigError{Field: "Poller", Problem: "unknown value " + kind.String()}
}
