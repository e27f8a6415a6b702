package gateway

import (
	"time"

	"github.com/weir-go/weir"
)

// Config returns c with what suits push put in where c says nothing. A weir.Server
// whose connections are served by this package should have it; one for TCP refuses to
// start with another Overflow.
//
//   - Overflow is OverflowNotify, whatever c says. A client that reads slowly goes on
//     being read: its ACK and PONG are wanted most then. push stops sending to it
//     instead, as soon as the connection is not writable.
//   - HighWatermark is 64 KiB. What waits in a connection can neither be dropped nor be
//     shared with others; what waits in push can.
//   - MaxOutbound is 1 MiB, or 4 times HighWatermark if that is more. It is for answers,
//     which are sent at any time, behind a message or a few that together were one write.
//     A client that asks and asks, and does not read, is disconnected there. It should be
//     several times push.Config.MaxMessage.
//   - FrameTimeout is 10 s and a second more for every KiB, so that half a frame does
//     not keep its buffer.
//   - TCP's keep-alive probes are off: the heartbeats find out more, and every probe
//     would wake an idle client.
func Config(c weir.Config) weir.Config {
	c.Overflow = weir.OverflowNotify
	c.HighWatermark = or(c.HighWatermark, 64<<10)
	c.MaxOutbound = or(c.MaxOutbound, max(1<<20, 4*c.HighWatermark))
	if c.FrameTimeout == 0 {
		c.FrameTimeout, c.FrameRate = 10*time.Second, or(c.FrameRate, 1<<10)
	}
	c.Socket.KeepAlive = or(c.Socket.KeepAlive, -1)
	return c
}
