package client

import "sync/atomic"

// Stats is a snapshot of a Group's counters. Unless it says "now", a figure counts from
// the start.
type Stats struct {
	Clients   int // now, started or not, and not closed
	Connected int // now
	Dialling  int // goroutines that dial or ask for tokens, now

	Connects uint64 // WELCOME received
	Failed   uint64 // attempts that have not led to one
	Lost     uint64 // connections that ended after it, other than by Close
	Dead     uint64 // of those, because the server was silent
	SentAway uint64 // GOAWAY received
	Refused  uint64 // times that a client was refused or disconnected, and has stopped

	Messages   uint64 // given to callbacks
	Duplicates uint64 // left out, because the callback had them before
	Gaps       uint64 // reported
	Acks       uint64 // ACK sent

	Published  uint64 // PUBACK received, and QoS 0 sent
	Resent     uint64 // publications sent again
	Backlogged uint64 // refused with ErrBacklog
}

// counters are those of a Group, for all its clients.
type counters struct {
	connected                              atomic.Int64
	connects, failed, lost, dead, sentAway atomic.Uint64
	refused                                atomic.Uint64
	messages, duplicates, gaps, acks       atomic.Uint64
	published, resent, backlogged          atomic.Uint64
}

func (n *counters) snapshot() Stats {
	return Stats{
		Connected:  int(n.connected.Load()),
		Connects:   n.connects.Load(),
		Failed:     n.failed.Load(),
		Lost:       n.lost.Load(),
		Dead:       n.dead.Load(),
		SentAway:   n.sentAway.Load(),
		Refused:    n.refused.Load(),
		Messages:   n.messages.Load(),
		Duplicates: n.duplicates.Load(),
		Gaps:       n.gaps.Load(),
		Acks:       n.acks.Load(),
		Published:  n.published.Load(),
		Resent:     n.resent.Load(),
		Backlogged: n.backlogged.Load(),
	}
}
