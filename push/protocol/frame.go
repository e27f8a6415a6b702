package protocol

import "fmt"

// Version is the version of the protocol, which HELLO names.
const Version = 1

// Type tells frames apart: the first byte of a binary frame, "type" of a JSON one.
type Type uint8

// The types of frames, with their names in JSON.
const (
	TypeHello    Type = 1  // "hello"    client
	TypeWelcome  Type = 2  // "welcome"  server
	TypeSub      Type = 3  // "sub"      client
	TypeSubOK    Type = 4  // "subok"    server
	TypeUnsub    Type = 5  // "unsub"    client
	TypePub      Type = 6  // "pub"      client
	TypePubAck   Type = 7  // "puback"   server
	TypeMsg      Type = 8  // "msg"      server
	TypeAck      Type = 9  // "ack"      client
	TypePing     Type = 10 // "ping"     both
	TypePong     Type = 11 // "pong"     both
	TypeToken    Type = 12 // "token"    both
	TypePresence Type = 13 // "presence" both
	TypeGoAway   Type = 14 // "goaway"   server
	TypeErr      Type = 15 // "err"      server
)

var typeNames = [...]string{
	TypeHello:    "hello",
	TypeWelcome:  "welcome",
	TypeSub:      "sub",
	TypeSubOK:    "subok",
	TypeUnsub:    "unsub",
	TypePub:      "pub",
	TypePubAck:   "puback",
	TypeMsg:      "msg",
	TypeAck:      "ack",
	TypePing:     "ping",
	TypePong:     "pong",
	TypeToken:    "token",
	TypePresence: "presence",
	TypeGoAway:   "goaway",
	TypeErr:      "err",
}

// Types returns all types, in order.
func Types() []Type {
	var list []Type
	for t := TypeHello; t <= TypeErr; t++ {
		list = append(list, t)
	}
	return list
}

// String returns the name in JSON.
func (t Type) String() string {
	if t >= TypeHello && t <= TypeErr {
		return typeNames[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Frame is one of the structs below, or a pointer to one that Decode has returned.
type Frame interface{ Type() Type }

// QoS is the quality of service of a message or a subscription.
type QoS uint8

const (
	AtMostOnce  QoS = 0 // not logged: lost on those who are away or do not keep up
	AtLeastOnce QoS = 1 // logged, acknowledged, delivered again after a reconnect
)

// Cursor is a position in a log, behind which a subscription goes on. Epoch and
// Offset stay below 1<<53, so that JSON numbers hold them.
//
// For an exact topic Offset is the offset of a message of that topic, and Epoch the
// topic's. For a filter with wildcards both are opaque: Epoch is that of SUBOK, Offset
// its offset or the Position of the last MSG. The zero Cursor stands for the beginning
// of what the log has.
type Cursor struct {
	Epoch  uint64 `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// Hello is the first frame of a client, once.
type Hello struct {
	Version uint8          `json:"version"`
	Token   string         `json:"token,omitempty"`
	Session string         `json:"session,omitempty"` // "": a new one, named by the server
	Cursors []Subscription `json:"cursors,omitempty"` // subscribed at once, each answered by a SUBOK or ERR after WELCOME, in order, with ID 1, 2, 3 ...
}

// Subscription is what SUB and HELLO ask for.
type Subscription struct {
	Filter   string  `json:"filter"`
	QoS      QoS     `json:"qos,omitempty"`
	Presence bool    `json:"presence,omitempty"` // to get PRESENCE when others come and go; exact topics only
	Cursor   *Cursor `json:"cursor,omitempty"`   // nil: where the session was, for QoS 1, or else from now on
}

// Welcome answers HELLO.
type Welcome struct {
	Session    string `json:"session"`
	Ping       uint32 `json:"ping"`                 // milliseconds: who has received nothing for so long sends PING
	Expires    uint32 `json:"expires,omitempty"`    // seconds until the token expires; 0: it does not
	MaxMessage uint32 `json:"max_message"`          // bytes of data of the largest PUB
	MaxSubs    uint32 `json:"max_subs"`             // subscriptions of a session
	MaxTopic   uint32 `json:"max_topic"`            // bytes of the longest topic or filter
	MaxFlight  uint32 `json:"max_flight,omitempty"` // PUB of QoS 1 that may be unanswered
}

// Sub subscribes to a filter, or replaces the subscription to it.
type Sub struct {
	ID uint32 `json:"id"` // from 1 on, chosen by the client, for the answer
	Subscription
}

// SubOK answers SUB. With ID 0 it comes unasked: the log no longer has what the
// subscription was about to deliver, Recovered is false, and it goes on behind Offset.
type SubOK struct {
	ID        uint32 `json:"id,omitempty"`
	Filter    string `json:"filter"`
	QoS       QoS    `json:"qos,omitempty"`
	Epoch     uint64 `json:"epoch"`
	Offset    uint64 `json:"offset"`    // what follows has larger offsets (positions, for wildcards)
	Recovered bool   `json:"recovered"` // nothing is missing between the cursor and what follows
}

// Unsub ends a subscription. It is not answered.
type Unsub struct {
	Filter string `json:"filter"`
}

// Pub publishes. With QoS 1 it is answered by PUBACK, with QoS 0 by nothing; both by
// ERR if it is refused.
type Pub struct {
	ID        uint32 `json:"id"`
	Topic     string `json:"topic"`
	MessageID string `json:"message_id,omitempty"` // QoS 1: the same again is a duplicate
	QoS       QoS    `json:"qos,omitempty"`
	TTL       uint32 `json:"ttl,omitempty"` // seconds until it need not be delivered any more; 0: the log's retention
	Data      []byte `json:"-"`             // in JSON "data", a string, or "base64" if it is not UTF-8
}

// PubAck: the message is in the log.
type PubAck struct {
	ID        uint32 `json:"id"`
	Epoch     uint64 `json:"epoch"`
	Offset    uint64 `json:"offset"`
	Duplicate bool   `json:"duplicate,omitempty"` // it was there already, from the same publisher
}

// Msg delivers a message. A session whose filters match it gets it once for an
// exact filter, and once for all filters with wildcards together, then with Wildcard.
type Msg struct {
	Topic    string `json:"topic"`
	Wildcard bool   `json:"wildcard,omitempty"` // delivered for filters with wildcards
	Offset   uint64 `json:"offset,omitempty"`   // 0: QoS 0, not in the log
	Previous uint64 `json:"previous,omitempty"` // offset of the message before it in its topic; larger than what was received: there is a gap
	Position uint64 `json:"position,omitempty"` // with Wildcard and Offset: the Offset of a Cursor for all filters with wildcards
	Data     []byte `json:"-"`                  // as in Pub
}

// Ack: everything up to Offset has been handled. It moves the session's cursor.
type Ack struct {
	Filter string `json:"filter,omitempty"` // "": all filters with wildcards, Offset is a Position
	Offset uint64 `json:"offset"`
}

// Ping is answered by Pong. Any frame shows that the sender is alive.
type Ping struct{}

// Pong answers Ping.
type Pong struct{}

// Token, from the client, renews the token of the connection; from the server, with
// the same ID and Expires, it says that the new one holds.
type Token struct {
	ID      uint32 `json:"id"`
	Token   string `json:"token,omitempty"`
	Expires uint32 `json:"expires,omitempty"` // seconds; 0: it does not
}

// Presence, from the client, asks who is subscribed to a topic. From the server it
// answers that, with the same ID, Count and Clients; or, with ID 0, tells a subscriber
// that asked for it of those who have come and gone, together, at most once a second.
// Lists are bounded; Truncated says that there would be more in one.
type Presence struct {
	ID        uint32   `json:"id,omitempty"`
	Topic     string   `json:"topic"`
	Count     uint32   `json:"count,omitempty"`
	Clients   []string `json:"clients,omitempty"`
	Joined    []string `json:"joined,omitempty"`
	Left      []string `json:"left,omitempty"`
	Truncated bool     `json:"truncated,omitempty"`
}

// GoAway: the server is about to close the connection. Come back after RetryAfter and
// a random part of Spread.
type GoAway struct {
	RetryAfter uint32 `json:"retry_after"` // milliseconds
	Spread     uint32 `json:"spread"`      // milliseconds
	Reason     string `json:"reason,omitempty"`
}

// Err answers a frame that was refused, or, with ID 0, says why the connection is
// closed.
type Err struct {
	ID         uint32 `json:"id,omitempty"`
	Code       Code   `json:"code"`
	Temporary  bool   `json:"temporary,omitempty"`   // the same may succeed later
	RetryAfter uint32 `json:"retry_after,omitempty"` // milliseconds, with Temporary
	Message    string `json:"message,omitempty"`     // for humans
}

func (Hello) Type() Type    { return TypeHello }
func (Welcome) Type() Type  { return TypeWelcome }
func (Sub) Type() Type      { return TypeSub }
func (SubOK) Type() Type    { return TypeSubOK }
func (Unsub) Type() Type    { return TypeUnsub }
func (Pub) Type() Type      { return TypePub }
func (PubAck) Type() Type   { return TypePubAck }
func (Msg) Type() Type      { return TypeMsg }
func (Ack) Type() Type      { return TypeAck }
func (Ping) Type() Type     { return TypePing }
func (Pong) Type() Type     { return TypePong }
func (Token) Type() Type    { return TypeToken }
func (Presence) Type() Type { return TypePresence }
func (GoAway) Type() Type   { return TypeGoAway }
func (Err) Type() Type      { return TypeErr }
