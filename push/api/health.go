package api

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// storeFailure is for how long after the last message that could not be stored the
// server counts as unhealthy, unless one could be since. It ends by itself: nobody would
// try to store anything on a server that gets no work.
const storeFailure = 30 * time.Second

// health knows what the requests before have shown.
type health struct {
	closed atomic.Bool // the server has said so

	mu               sync.Mutex
	appended, failed uint64    // messages, when it was looked at last
	since            time.Time // when failed had grown without appended; zero: all is well
}

// healthy is GET /health.
func (c *call) healthy() (any, error) {
	reason := ""
	if c.o.Health != nil {
		if err := c.o.Health(); err != nil {
			reason = err.Error()
		}
	}
	if reason == "" {
		reason = c.health.check(c.server, time.Now())
	}
	if reason != "" {
		return nil, &failure{status: http.StatusServiceUnavailable, code: protocol.CodeUnavailable, message: reason, temporary: true}
	}
	return map[string]string{"status": "ok"}, nil
}

// check returns why the server is not healthy, or "".
func (h *health) check(s Server, now time.Time) string {
	if h.closed.Load() {
		return "the server shuts down"
	}
	st := s.Stats()
	appended, failed := st.Log.Appended, st.AppendFailed
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case appended > h.appended:
		h.since = time.Time{}
	case failed > h.failed:
		h.since = now
	}
	h.appended, h.failed = appended, failed
	if !h.since.IsZero() && now.Sub(h.since) < storeFailure {
		return fmt.Sprintf("messages cannot be stored, %d were refused until now", failed)
	}
	return ""
}
