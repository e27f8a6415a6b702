// Package reactor multiplexes file descriptors on one goroutine.
//
// A [Reactor] is an event loop in the sense of Schmidt's Reactor pattern: it
// waits until descriptors are ready, calls their handlers, runs the tasks that
// other goroutines have posted and fires the timers that are due. It holds no
// system call: the operating system is behind the [Poller] interface, which is
// declared here and implemented elsewhere, so that the loop is tested with a
// scripted poller.
//
// One iteration:
//
//		       ┌────────────────────────────────────────────────────────┐
//		       ▼                                                        │
//		  ┌─────────┐  events   ┌──────────┐      ┌───────┐      ┌─────────┐
//		  │  wait   │──────────▶│ dispatch │─────▶│ tasks │─────▶│ timers  │
//		  │ (sleep) │           │ OnReady  │      │  Run  │      │ OnTimer │
//		  └─────────┘           └──────────┘      └───────┘      └─────────┘
//		       ▲                      │                ▲
//		  Wake │                      ▼                │ Post
//		       └── at most once   AfterEvents     any goroutine
//		           per sleep
//
//	  - wait: [Poller.Wait] with the time to the next timer; without sleeping
//	    when a task or a due timer is left over from the last iteration.
//	  - dispatch: each event is looked up by its [Token]. A token carries the
//	    generation of its slot, so that an event for a descriptor that was closed
//	    earlier in the same batch finds nobody, also when the descriptor's number
//	    and its slot have a new owner already.
//	  - AfterEvents: one hook per batch, for work that is cheaper in bulk.
//	  - tasks: everything posted so far, and what these tasks post, for a bounded
//	    number of rounds, so that a task that posts itself cannot starve the I/O.
//	  - timers: at most one per slot, in a hierarchical timing wheel; setting,
//	    moving and firing are O(1) amortised, and a timer costs no allocation. A
//	    bounded number fire per iteration.
//
// Ownership: everything in a Reactor belongs to the goroutine in [Reactor.Run]
// except [Reactor.Post], [Reactor.Stop] and [Reactor.Stats], which any goroutine
// may call. A panic in a callback ends that callback only: the handler is told
// by OnPanic, and the loop goes on.
package reactor
