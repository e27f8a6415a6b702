package protocol

// Code tells what an ERR is about. A WebSocket that is closed because of it has the
// close code 4000 + Code.
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

	// The client may not do that. A client does not come back by itself after 200,
	// 201, 202, 205 on its connection (ID 0), unless it has another token.
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
