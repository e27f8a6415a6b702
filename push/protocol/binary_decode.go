package protocol

import (
	"errors"
	"fmt"
)

func decodeBinary(b []byte) (Frame, error) {
	if len(b) == 0 {
		return nil, errors.New("it is empty")
	}
	r := reader{rest: b[1:]}
	f := r.frame(Type(b[0]))
	if f == nil {
		return nil, fmt.Errorf("there is no type %d", b[0])
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = fmt.Errorf("%d bytes behind its end", len(r.rest))
	}
	if r.err != nil {
		return nil, fmt.Errorf("%v: %w", Type(b[0]), r.err)
	}
	return f, nil
}

// frame reads the fields, in the order of PROTOCOL.md. It returns nil for an unknown
// type.
func (r *reader) frame(t Type) Frame {
	switch t {
	case TypeHello:
		f := &Hello{Version: uint8(r.number("version", 8))}
		if f.Version != Version {
			r.data() // the layout of another version is not known
			return f
		}
		f.Token = r.text("token")
		f.Session = r.text("session")
		if n := r.count("cursors", minSubscription); n > 0 {
			f.Cursors = make([]Subscription, 0, min(n, 64))
			for ; n > 0 && r.err == nil; n-- {
				f.Cursors = append(f.Cursors, r.subscription())
			}
		}
		return f
	case TypeWelcome:
		return &Welcome{
			Session:    r.text("session"),
			Ping:       r.uint32("ping"),
			Expires:    r.uint32("expires"),
			MaxMessage: r.uint32("max_message"),
			MaxSubs:    r.uint32("max_subs"),
			MaxTopic:   r.uint32("max_topic"),
			MaxFlight:  r.uint32("max_flight"),
		}
	case TypeSub:
		return &Sub{ID: r.uint32("id"), Subscription: r.subscription()}
	case TypeSubOK:
		flags := r.flags(flagQoS | flagRecovered)
		return &SubOK{
			QoS:       QoS(flags & flagQoS),
			Recovered: flags&flagRecovered != 0,
			ID:        r.uint32("id"),
			Filter:    r.text("filter"),
			Epoch:     r.position("epoch"),
			Offset:    r.position("offset"),
		}
	case TypeUnsub:
		return &Unsub{Filter: r.text("filter")}
	case TypePub:
		flags := r.flags(flagQoS)
		return &Pub{
			QoS:       QoS(flags & flagQoS),
			ID:        r.uint32("id"),
			Topic:     r.text("topic"),
			MessageID: r.text("message_id"),
			TTL:       r.uint32("ttl"),
			Data:      r.data(),
		}
	case TypePubAck:
		flags := r.flags(flagDuplicate)
		return &PubAck{
			Duplicate: flags&flagDuplicate != 0,
			ID:        r.uint32("id"),
			Epoch:     r.position("epoch"),
			Offset:    r.position("offset"),
		}
	case TypeMsg:
		flags := r.flags(flagWildcard | flagOffset | flagPrevious | flagPosition)
		f := &Msg{Wildcard: flags&flagWildcard != 0, Topic: r.text("topic")}
		if flags&flagOffset != 0 {
			f.Offset = r.position("offset")
		}
		if flags&flagPrevious != 0 {
			f.Previous = r.position("previous")
		}
		if flags&flagPosition != 0 {
			f.Position = r.position("position")
		}
		f.Data = r.data()
		return f
	case TypeAck:
		return &Ack{Filter: r.text("filter"), Offset: r.position("offset")}
	case TypePing:
		return &Ping{}
	case TypePong:
		return &Pong{}
	case TypeToken:
		return &Token{ID: r.uint32("id"), Token: r.text("token"), Expires: r.uint32("expires")}
	case TypePresence:
		flags := r.flags(flagTruncated)
		return &Presence{
			Truncated: flags&flagTruncated != 0,
			ID:        r.uint32("id"),
			Topic:     r.text("topic"),
			Count:     r.uint32("count"),
			Clients:   r.texts("clients"),
			Joined:    r.texts("joined"),
			Left:      r.texts("left"),
		}
	case TypeGoAway:
		return &GoAway{RetryAfter: r.uint32("retry_after"), Spread: r.uint32("spread"), Reason: r.text("reason")}
	case TypeErr:
		flags := r.flags(flagTemporary)
		return &Err{
			Temporary:  flags&flagTemporary != 0,
			ID:         r.uint32("id"),
			Code:       Code(r.number("code", 16)),
			RetryAfter: r.uint32("retry_after"),
			Message:    r.text("message"),
		}
	}
	return nil
}

const minSubscription = 2 // bytes: flags, and an empty filter

func (r *reader) subscription() Subscription {
	flags := r.flags(flagQoS | flagPresence | flagCursor)
	s := Subscription{
		QoS:      QoS(flags & flagQoS),
		Presence: flags&flagPresence != 0,
		Filter:   r.text("filter"),
	}
	if flags&flagCursor != 0 {
		s.Cursor = &Cursor{Epoch: r.position("epoch"), Offset: r.position("offset")}
	}
	return s
}
