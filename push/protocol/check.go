package protocol

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// pointer returns a pointer to a frame that is not one.
func pointer(f Frame) Frame {
	switch f := f.(type) {
	case Hello:
		return &f
	case Welcome:
		return &f
	case Sub:
		return &f
	case SubOK:
		return &f
	case Unsub:
		return &f
	case Pub:
		return &f
	case PubAck:
		return &f
	case Msg:
		return &f
	case Ack:
		return &f
	case Ping:
		return &f
	case Pong:
		return &f
	case Token:
		return &f
	case Presence:
		return &f
	case GoAway:
		return &f
	case Err:
		return &f
	}
	return f
}

// check returns nil for a pointer to a frame that can be encoded. Decoders of binary
// frames check what they read themselves.
func check(f Frame) error {
	switch f := f.(type) {
	case *Hello:
		if len(f.Cursors) > MaxList {
			return errList("cursors")
		}
		for i := range f.Cursors {
			if err := checkSubscription(&f.Cursors[i]); err != nil {
				return err
			}
		}
		return first(text("token", f.Token), text("session", f.Session))
	case *Welcome:
		return text("session", f.Session)
	case *Sub:
		return checkSubscription(&f.Subscription)
	case *SubOK:
		return first(text("filter", f.Filter), qos(f.QoS), number("epoch", f.Epoch), number("offset", f.Offset))
	case *Unsub:
		return text("filter", f.Filter)
	case *Pub:
		return first(text("topic", f.Topic), text("message_id", f.MessageID), qos(f.QoS))
	case *PubAck:
		return first(number("epoch", f.Epoch), number("offset", f.Offset))
	case *Msg:
		return first(text("topic", f.Topic), number("offset", f.Offset), number("previous", f.Previous), number("position", f.Position))
	case *Ack:
		return first(text("filter", f.Filter), number("offset", f.Offset))
	case *Ping, *Pong:
		return nil
	case *Token:
		return text("token", f.Token)
	case *Presence:
		return first(text("topic", f.Topic), texts("clients", f.Clients), texts("joined", f.Joined), texts("left", f.Left))
	case *GoAway:
		return text("reason", f.Reason)
	case *Err:
		return text("message", f.Message)
	}
	return errors.New("not a frame")
}

func checkSubscription(s *Subscription) error {
	if err := first(text("filter", s.Filter), qos(s.QoS)); err != nil || s.Cursor == nil {
		return err
	}
	return first(number("epoch", s.Cursor.Epoch), number("offset", s.Cursor.Offset))
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func text(field, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("%s: not UTF-8", field)
	}
	return nil
}

func texts(field string, list []string) error {
	if len(list) > MaxList {
		return errList(field)
	}
	for _, s := range list {
		if err := text(field, s); err != nil {
			return err
		}
	}
	return nil
}

func number(field string, x uint64) error {
	if x > MaxNumber {
		return fmt.Errorf("%s: %d is larger than %d", field, x, uint64(MaxNumber))
	}
	return nil
}

func qos(q QoS) error {
	if q > MaxQoS {
		return fmt.Errorf("qos: %d is larger than %d", q, MaxQoS)
	}
	return nil
}

func errList(field string) error {
	return fmt.Errorf("%s: more than %d", field, MaxList)
}
