package web

import "sync/atomic"

// HTTPStats is a snapshot of an HTTP's counters, from the start on. Requests are
// counted by the server, see weir.Stats.FramesIn; timeouts of heads and of idle
// connections are among weir.Stats.Timeouts.
type HTTPStats struct {
	Malformed  uint64 // requests refused because they break the rules: 400, 417, 501, 505
	TooLarge   uint64 // requests refused by MaxHead, MaxHeaders or MaxBody: 413, 414, 431
	SlowBodies uint64 // connections closed by BodyRate, with ErrSlowBody
	LastOnes   uint64 // connections closed by MaxRequests
	Panics     uint64 // panics of handlers
	Upgrades   uint64 // connections that went on with another protocol, or were hijacked
}

type httpCounters struct {
	malformed, tooLarge, slowBodies, lastOnes, panics, upgrades atomic.Uint64
}

// Stats returns a snapshot of the counters. It may be called at any time.
func (h *HTTP) Stats() HTTPStats {
	n := &h.counters
	return HTTPStats{
		Malformed:  n.malformed.Load(),
		TooLarge:   n.tooLarge.Load(),
		SlowBodies: n.slowBodies.Load(),
		LastOnes:   n.lastOnes.Load(),
		Panics:     n.panics.Load(),
		Upgrades:   n.upgrades.Load(),
	}
}
