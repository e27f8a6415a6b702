package push

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// counts are the counters of a server.
type counts struct {
	sessions, subs, behind atomic.Int64
	attached               [maxFormats]atomic.Int64

	opened, closed                              atomic.Uint64
	published, delivered, bytesIn, bytesOut     atomic.Uint64
	framesIn, duplicates, expired, appendFailed atomic.Uint64
	resumed, lost, caughtUp, gaps               atomic.Uint64
	deferred, sentAway, takenOver               atomic.Uint64
	dropped                                     [dropCauses]atomic.Uint64
	refused                                     [400]atomic.Uint64 // by code
}

// count adds what a slice of a fan-out has come to.
func (s *Server) count(n *tally) {
	if n.sent > 0 {
		s.counts.delivered.Add(n.sent)
		s.counts.bytesOut.Add(n.bytes)
	}
	for i, d := range n.dropped {
		if d > 0 {
			s.counts.dropped[i].Add(d)
		}
	}
}

// refused counts an ERR.
func (s *Server) refused(code protocol.Code) {
	if int(code) < len(s.counts.refused) {
		s.counts.refused[code].Add(1)
	}
}

// histogram counts values in buckets.
type histogram struct {
	bounds []float64
	mu     sync.Mutex
	counts []uint64
	sum    float64
}

func (h *histogram) init(bounds ...float64) {
	h.bounds, h.counts = bounds, make([]uint64, len(bounds)+1)
}

func (h *histogram) observe(v float64) {
	i := 0
	for i < len(h.bounds) && v > h.bounds[i] {
		i++
	}
	h.mu.Lock()
	h.counts[i]++
	h.sum += v
	h.mu.Unlock()
}

func (h *histogram) snapshot() Histogram {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Histogram{Bounds: h.bounds, Counts: append([]uint64(nil), h.counts...), Sum: h.sum}
}

// Quantile returns an upper bound of the q-th quantile (0 to 1), or 0 if there are no
// values; for those beyond all bounds it is the largest bound.
func (h Histogram) Quantile(q float64) float64 {
	var all uint64
	for _, n := range h.Counts {
		all += n
	}
	if all == 0 {
		return 0
	}
	rank := uint64(q*float64(all-1)) + 1
	for i, n := range h.Counts {
		if n >= rank {
			return h.Bounds[min(i, len(h.Bounds)-1)]
		}
		rank -= n
	}
	return h.Bounds[len(h.Bounds)-1]
}

// Sub returns the values that have come since an earlier snapshot.
func (h Histogram) Sub(earlier Histogram) Histogram {
	d := Histogram{Bounds: h.Bounds, Counts: append([]uint64(nil), h.Counts...), Sum: h.Sum - earlier.Sum}
	for i := range earlier.Counts {
		d.Counts[i] -= earlier.Counts[i]
	}
	return d
}

// hists are the histograms of a server.
type hists struct{ append, fanOut, latency, group histogram }

func (h *hists) init() {
	seconds := []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	h.append.init(seconds...)
	h.fanOut.init(seconds...)
	h.latency.init(seconds...)
	h.group.init(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
}

// Stats returns a snapshot of the counters. It is cheap.
func (s *Server) Stats() Stats {
	n := &s.counts
	st := Stats{
		Sessions: int(n.sessions.Load()), Waiting: s.admission.waiting(), Detached: s.cursors.len(),
		Topics: int(s.topics.count.Load()), Subs: int(n.subs.Load()), Behind: int(n.behind.Load()),
		Formats: map[string]int{},
		Opened:  n.opened.Load(), Closed: n.closed.Load(),
		Published: n.published.Load(), Delivered: n.delivered.Load(),
		BytesIn: n.bytesIn.Load(), BytesOut: n.bytesOut.Load(), FramesIn: n.framesIn.Load(),
		Duplicates: n.duplicates.Load(), Expired: n.expired.Load(), AppendFailed: n.appendFailed.Load(),
		Dropped: map[string]uint64{},
		Resumed: n.resumed.Load(), Lost: n.lost.Load(), CaughtUp: n.caughtUp.Load(), Gaps: n.gaps.Load(),
		Deferred: n.deferred.Load(), SentAway: n.sentAway.Load(), TakenOver: n.takenOver.Load(),
		Refused: map[protocol.Code]uint64{},
		Append:  s.hists.append.snapshot(), FanOut: s.hists.fanOut.snapshot(),
		Latency: s.hists.latency.snapshot(), Group: s.hists.group.snapshot(),
		Log: s.log.Stats(), Pending: s.pipeline.pending.Load(), StartedAt: s.started,
	}
	s.formats.Lock()
	for _, f := range s.formats.all {
		k := int(n.attached[f.index].Load())
		st.Formats[f.Name] += k
		st.Attached += k
	}
	s.formats.Unlock()
	for i := range n.dropped {
		st.Dropped[dropNames[i]] = n.dropped[i].Load()
	}
	for code := range n.refused {
		if k := n.refused[code].Load(); k > 0 {
			st.Refused[protocol.Code(code)] = k
		}
	}
	return st
}

func (s *cursors) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.order.Len()
}

// age returns how long a session has been open.
func (c *Session) age() time.Duration {
	return c.format.server.now().Truncate(time.Second) - time.Duration(c.opened)*time.Second
}
