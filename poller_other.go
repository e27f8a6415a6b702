//go:build !unix

package weir

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/weir-go/weir/reactor"
)

func newPoller(PollerKind, bool) (reactor.Poller, error) {
	return nil, fmt.Errorf("weir: no poller for %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
