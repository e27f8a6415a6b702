package client

import "time"

// State is what a Client is at.
type State uint8

const (
	Idle       State = iota // not started
	Waiting                 // until it is time to connect
	Connecting              // up to the server's WELCOME
	Connected
	Stopped // refused by the server, or the session was taken over; see Client.Reconnect
	Closed
)

func (s State) String() string {
	switch s {
	case Idle:
		return "idle"
	case Waiting:
		return "waiting"
	case Connecting:
		return "connecting"
	case Connected:
		return "connected"
	case Stopped:
		return "stopped"
	case Closed:
		return "closed"
	}
	return "unknown"
}

// StateChange is what OnState is told.
type StateChange struct {
	State State

	// Err is why the client waits or has stopped: an *Error that the server has sent,
	// ErrGoAway, ErrHeartbeat, ErrConnectTimeout, a *HandshakeError, an error of the
	// network or of Config.Token.
	Err error

	// Retry is the time until the next attempt, with Waiting.
	Retry time.Duration

	// Session is the name of the session, with Connected.
	Session string
}
