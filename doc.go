// Package weir is a network server framework for very many, mostly idle
// connections: push gateways, IM, IoT, games, RPC front ends.
//
// A few event loops, each a goroutine with a poller (epoll on Linux, select on
// other unix systems), own all connections. A codec cuts what arrives into
// frames, and a handler gets them, in order per connection, on a pool of workers
// where it may block, or on the loop itself where it must not.
//
//	         kernel                loop (one per core)               ants pool
//	┌────────┐       readable  ┌──────────────────────────┐       ┌────────────┐
//	│ socket │────────────────▶│ read ─▶ codec: a whole   │ turns │ codec ─▶   │
//	│        │                 │         frame?           │──────▶│ OnFrame    │
//	│        │                 └──────────────────────────┘       └─────┬──────┘
//	│        │   one write per batch of frames                          │ Write
//	│        │◀─────────────────────────────────────────────────────────┘
//	│        │       writable  ┌──────────────────────────┐
//	│        │◀───────────────▶│ the rest, when the socket│
//	└────────┘                 │ was full: watermarks     │
//	                           └──────────────────────────┘
//
// With [Inline] the handler is called where the loop decodes, and there is no
// pool.
//
// A [Server] is a struct of settings with a useful zero value:
//
//	srv := &weir.Server{
//		Codec: codec.Line{},
//		Handler: weir.HandlerFunc(func(c *weir.Conn, line []byte) {
//			c.WriteFrame(line)
//		}),
//	}
//	err := srv.ListenAndServe("tcp", "127.0.0.1:9000")
//
// # Memory
//
// An idle connection owns its [Conn] and a slot in its loop, 160 bytes on 64-bit
// machines: no buffer, no goroutine, no timer. Buffers are lent while there is
// something in them.
//
// # Lifetime of slices
//
// A frame is valid until OnFrame returns. What is passed to Write is the caller's
// again when Write returns. [Conn.WriteOwned] and [Message] send without copying;
// their documentation says for how long the bytes have to stay.
//
// # Backpressure
//
// What a peer does not read piles up to a high watermark, at which reading from
// that peer pauses ([OverflowPause]), messages to it are dropped, or it is
// disconnected; a writer is told by ErrBacklog, OnWritable and
// [Conn.WaitWritable]. What a handler does not keep up with stays in the kernel:
// reading pauses when Config.MaxPending bytes wait. [Conn.PauseRead] does it by
// hand.
//
// # Bodies, upgrades, keep-alive
//
// With [Conn.Stream] a callback reads what follows its frame, and writes as fast as
// the peer reads; it waits without occupying one of Config.Workers. [Stream.Detach]
// makes a blocking net.Conn of the connection. [Conn.Switch] replaces codec and
// handler, a [Protocol], between two frames. [IdleHandler] takes the place of a timer
// per connection, Config.FrameTimeout ends a peer that never finishes a frame, and
// [ErrorHandler] answers one whose stream is refused.
//
// # Closing
//
// [Conn.Close] sends what was accepted before it closes. A peer's FIN is met
// after the last frame before it. OnClose comes once, last, with the reason.
//
// # Platforms
//
// Linux (epoll), and every other unix system by select, up to 1,023 descriptors.
// Elsewhere Serve and Dial answer errors.ErrUnsupported.
package weir
