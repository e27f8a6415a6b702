package reactor

import "time"

// Interest is a set of conditions that the owner of a descriptor waits for, or
// that a [Poller] has found to hold.
type Interest uint8

const (
	// Readable: a read, an accept or a receive would not block.
	Readable Interest = 1 << iota
	// Writable: a write would not block, or a connect has finished.
	Writable
)

func (i Interest) String() string {
	return [...]string{"none", "readable", "writable", "readable|writable"}[i&3]
}

// Event says that the descriptor registered under Token is Ready.
type Event struct {
	Token Token
	Ready Interest
}

// Poller tells which descriptors are ready. The contract:
//
//   - Level-triggered: Wait reports a condition each time, for as long as it
//     holds and is in the registered interest.
//   - An error or a hang-up is reported as Readable|Writable, so that the owner
//     meets it by doing I/O: whatever the interest, or, where the system does
//     not tell it from readiness, as far as the interest goes.
//   - Readiness may be spurious. Owners use non-blocking descriptors and treat
//     EAGAIN as "not yet".
//   - A descriptor is removed before it is closed.
//
// Wake may be called from any goroutine. All else is called by the goroutine
// that runs the loop, except that Close follows the last call of any of them.
type Poller interface {
	// Add registers fd. At most one registration per descriptor. A poller
	// that cannot watch this descriptor at all answers with an error and is
	// otherwise unaffected.
	Add(fd int, t Token, i Interest) error

	// Modify replaces the interest, and the token, of a registered fd.
	Modify(fd int, t Token, i Interest) error

	// Remove ends the registration of fd. Events that Wait has returned
	// already are not recalled; their tokens are stale.
	Remove(fd int) error

	// Wait stores events and returns their number. It blocks until there is
	// one, until timeout has passed (rounded up to the poller's resolution,
	// never down), or until Wake. timeout < 0 waits without bound, 0 does
	// not block. An interrupted wait (EINTR) and a wake-up are 0 events and
	// no error; a wait may end like that for no reason at all. An error means
	// that the poller cannot go on.
	Wait(events []Event, timeout time.Duration) (int, error)

	// Wake makes the Wait in progress, or else the next one, return. Several
	// calls before that may have the effect of one.
	Wake() error

	// Close releases the poller's own descriptors.
	Close() error
}
