package protocol

import "fmt"

// Code tells what an ERR is about. Whether it is fatal is not the code's to tell: an ERR
// with ID 0 is, the connection is closed behind it; with another ID only the frame with
// that ID was refused.
type Code uint16

const (
	// The client has made a mistake, and would make it again.
	CodeMalformed   Code = 100 // the frame cannot be decoded
	CodeVersion     Code = 101 // HELLO names a version that the server does not speak
	CodeUnexpected  Code = 102 // a frame that has no place here, such as one before HELLO
	CodeTooLarge    Code = 103 // a message larger than max_message
	CodeTopic       Code = 104 // not a topic, or not a filter
	CodeTooManySubs Code = 105 // more than max_subs subscriptions
	CodeQoS         Code = 106 // not 0 or 1, or a QoS that the topic does not have

	// The client may not do that. A client does not come back by itself after 205 on
	// its connection (ID 0), and after 200, 201, 202 only with another token.
	CodeUnauthorized Code = 200 // no token, or one that does not verify
	CodeExpired      Code = 201 // the token has expired
	CodeRevoked      Code = 202 // the token was revoked
	CodeForbidden    Code = 203 // the token does not allow this topic or filter
	CodeTakenOver    Code = 204 // another connection has the session now
	CodeDisconnected Code = 205 // by the operator

	// The server cannot, for the time being; Temporary is set.
	CodeUnavailable  Code = 300 // the message could not be stored
	CodeOverloaded   Code = 301 // too many wait already: later, after RetryAfter
	CodeSlowConsumer Code = 302 // more waits for this client than it may: it resumes
	CodeGoingAway    Code = 303 // the server shuts down
	CodeTimeout      Code = 304 // nothing was received within 1.5 ping intervals, or no HELLO
	CodeInternal     Code = 305 // a fault of the server
)

var codes = []struct {
	code Code
	name string
}{
	{CodeMalformed, "malformed"},
	{CodeVersion, "version"},
	{CodeUnexpected, "unexpected"},
	{CodeTooLarge, "too_large"},
	{CodeTopic, "topic"},
	{CodeTooManySubs, "too_many_subs"},
	{CodeQoS, "qos"},
	{CodeUnauthorized, "unauthorized"},
	{CodeExpired, "expired"},
	{CodeRevoked, "revoked"},
	{CodeForbidden, "forbidden"},
	{CodeTakenOver, "taken_over"},
	{CodeDisconnected, "disconnected"},
	{CodeUnavailable, "unavailable"},
	{CodeOverloaded, "overloaded"},
	{CodeSlowConsumer, "slow_consumer"},
	{CodeGoingAway, "going_away"},
	{CodeTimeout, "timeout"},
	{CodeInternal, "internal"},
}

// Codes returns all codes, in order.
func Codes() []Code {
	list := make([]Code, len(codes))
	for i, c := range codes {
		list[i] = c.code
	}
	return list
}

// String returns the name of a code, such as "slow_consumer": for logs and metrics.
func (c Code) String() string {
	for i := range codes {
		if codes[i].code == c {
			return codes[i].name
		}
	}
	return fmt.Sprintf("code %d", uint16(c))
}

// Temporary reports whether the same may succeed later: the codes from 300 to 399.
func (c Code) Temporary() bool { return c >= 300 && c < 400 }

// Retryable reports whether a client whose connection has ended with c (in an ERR with
// ID 0) comes back by itself. After CodeUnauthorized, CodeExpired and CodeRevoked it
// does not, unless it has another token, and after CodeDisconnected never.
func (c Code) Retryable() bool {
	switch c {
	case CodeUnauthorized, CodeExpired, CodeRevoked, CodeDisconnected:
		return false
	}
	return true
}

// CloseCode returns the close code of a WebSocket that is closed because of c: 4000 + c.
func (c Code) CloseCode() int { return 4000 + int(c) }

// Error makes an *Err an error. It is that of the server, not of this package.
func (e *Err) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("push: refused: %v (%d)", e.Code, uint16(e.Code))
	}
	return fmt.Sprintf("push: refused: %v (%d): %s", e.Code, uint16(e.Code), e.Message)
}
