package weir

import (
	"sync/atomic"
	"time"
)

// Stats is a snapshot of a Server's or a Client's counters. Unless it says "now",
// a figure counts from the start.
type Stats struct {
	Conns     int    // connections open now
	Accepted  uint64 // connections accepted, or dialled
	Closed    uint64 // connections ended
	BytesIn   uint64 // received
	BytesOut  uint64 // taken by the sockets
	FramesIn  uint64 // frames delivered to handlers
	Buffered  int64  // bytes in buffers now: unfinished and waiting frames, backlog
	Panics    uint64 // panics of handlers caught
	Timeouts  uint64 // connections ended by a timeout, of frames too, or by a deadline of a Conn
	PoolQueue int    // turns and functions that wait for a worker now
	Workers   int    // workers now, also those that wait and do not count against Config.Workers

	// Connections refused, by cause.
	RejectedMaxConns uint64 // MaxConns
	RejectedPerIP    uint64 // MaxConnsPerIP
	RejectedNoFD     uint64 // no descriptor left
	RejectedPoller   uint64 // the poller cannot watch the descriptor

	// Limits that have bitten.
	AcceptPaused   uint64 // times that AcceptRate, or want of descriptors, has stopped the accepting for a while
	PausedPending  uint64 // times that MaxPending has paused the reading of a connection
	HighWatermarks uint64 // times that a backlog rose above HighWatermark
	Dropped        uint64 // writes refused with ErrDropped
	Backlog        uint64 // writes refused with ErrBacklog
	SlowConsumers  uint64 // connections closed with ErrSlowConsumer
	OverBudget     uint64 // writes refused and connections closed with ErrBudget

	// Loops.
	Iterations uint64        // times that the loops have gone round
	Wakeups    uint64        // times that a loop was woken by another goroutine
	Lag        time.Duration // the longest of the loops' latest iterations: what an event may have to wait
	MaxLag     time.Duration // the longest iteration of all
}

// loopStats are the counters of one loop. On cache lines of their own: workers
// count here, too.
type loopStats struct {
	_                                                                 [64]byte
	accepted, closed, bytesIn, bytesOut, framesIn, panics, timeouts   atomic.Uint64
	maxConns, perIP, noFD, poller, acceptPaused                       atomic.Uint64
	pausedPending, highWater, dropped, backlog, slowConsumers, budget atomic.Uint64
	_                                                                 [64]byte
}

func (l *loop) addTo(s *Stats) {
	m, r := &l.stats, l.reactor.Stats()
	s.Conns += int(l.conns.Load())
	s.Accepted += m.accepted.Load()
	s.Closed += m.closed.Load()
	s.BytesIn += m.bytesIn.Load()
	s.BytesOut += m.bytesOut.Load()
	s.FramesIn += m.framesIn.Load()
	s.Buffered += l.buffered.Load()
	s.Panics += m.panics.Load()
	s.Timeouts += m.timeouts.Load()
	s.RejectedMaxConns += m.maxConns.Load()
	s.RejectedPerIP += m.perIP.Load()
	s.RejectedNoFD += m.noFD.Load()
	s.RejectedPoller += m.poller.Load()
	s.AcceptPaused += m.acceptPaused.Load()
	s.PausedPending += m.pausedPending.Load()
	s.HighWatermarks += m.highWater.Load()
	s.Dropped += m.dropped.Load()
	s.Backlog += m.backlog.Load()
	s.SlowConsumers += m.slowConsumers.Load()
	s.OverBudget += m.budget.Load()
	s.Iterations += r.Iterations
	s.Wakeups += r.Wakeups
	s.Lag = max(s.Lag, r.Lag)
	s.MaxLag = max(s.MaxLag, r.MaxLag)
}
