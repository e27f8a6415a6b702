package protocol

import "encoding/binary"

// The bits of the flags byte. Of each frame those that it does not have are 0.
const (
	flagQoS = 0x03 // SUB and HELLO's cursors, SUBOK, PUB

	flagPresence = 0x04 // SUB and HELLO's cursors
	flagCursor   = 0x08

	flagRecovered = 0x04 // SUBOK

	flagDuplicate = 0x01 // PUBACK

	flagWildcard = 0x01 // MSG
	flagOffset   = 0x02
	flagPrevious = 0x04
	flagPosition = 0x08

	flagTruncated = 0x01 // PRESENCE

	flagTemporary = 0x01 // ERR
)

// appendBinary appends a frame that was checked. The order of the fields is that of
// PROTOCOL.md.
func appendBinary(dst []byte, f Frame) []byte {
	switch f := f.(type) {
	case *Hello:
		dst = putNumber(append(dst, byte(TypeHello)), uint64(f.Version))
		if f.Version != Version {
			return dst
		}
		dst = putText(dst, f.Token)
		dst = putText(dst, f.Session)
		dst = putNumber(dst, uint64(len(f.Cursors)))
		for i := range f.Cursors {
			dst = putSubscription(dst, &f.Cursors[i])
		}
	case *Welcome:
		dst = putText(append(dst, byte(TypeWelcome)), f.Session)
		dst = putNumber(dst, uint64(f.Ping))
		dst = putNumber(dst, uint64(f.Expires))
		dst = putNumber(dst, uint64(f.MaxMessage))
		dst = putNumber(dst, uint64(f.MaxSubs))
		dst = putNumber(dst, uint64(f.MaxTopic))
		dst = putNumber(dst, uint64(f.MaxFlight))
	case *Sub:
		dst = putNumber(append(dst, byte(TypeSub)), uint64(f.ID))
		dst = putSubscription(dst, &f.Subscription)
	case *SubOK:
		dst = append(dst, byte(TypeSubOK), byte(f.QoS)|flag(f.Recovered, flagRecovered))
		dst = putNumber(dst, uint64(f.ID))
		dst = putText(dst, f.Filter)
		dst = putNumber(dst, f.Epoch)
		dst = putNumber(dst, f.Offset)
	case *Unsub:
		dst = putText(append(dst, byte(TypeUnsub)), f.Filter)
	case *Pub:
		dst = append(dst, byte(TypePub), byte(f.QoS))
		dst = putNumber(dst, uint64(f.ID))
		dst = putText(dst, f.Topic)
		dst = putText(dst, f.MessageID)
		dst = putNumber(dst, uint64(f.TTL))
		dst = append(dst, f.Data...)
	case *PubAck:
		dst = append(dst, byte(TypePubAck), flag(f.Duplicate, flagDuplicate))
		dst = putNumber(dst, uint64(f.ID))
		dst = putNumber(dst, f.Epoch)
		dst = putNumber(dst, f.Offset)
	case *Msg:
		dst = append(dst, byte(TypeMsg), flag(f.Wildcard, flagWildcard)|flag(f.Offset != 0, flagOffset)|
			flag(f.Previous != 0, flagPrevious)|flag(f.Position != 0, flagPosition))
		dst = putText(dst, f.Topic)
		for _, x := range [...]uint64{f.Offset, f.Previous, f.Position} {
			if x != 0 {
				dst = putNumber(dst, x)
			}
		}
		dst = append(dst, f.Data...)
	case *Ack:
		dst = putText(append(dst, byte(TypeAck)), f.Filter)
		dst = putNumber(dst, f.Offset)
	case *Ping:
		dst = append(dst, byte(TypePing))
	case *Pong:
		dst = append(dst, byte(TypePong))
	case *Token:
		dst = putNumber(append(dst, byte(TypeToken)), uint64(f.ID))
		dst = putText(dst, f.Token)
		dst = putNumber(dst, uint64(f.Expires))
	case *Presence:
		dst = append(dst, byte(TypePresence), flag(f.Truncated, flagTruncated))
		dst = putNumber(dst, uint64(f.ID))
		dst = putText(dst, f.Topic)
		dst = putNumber(dst, uint64(f.Count))
		dst = putTexts(dst, f.Clients)
		dst = putTexts(dst, f.Joined)
		dst = putTexts(dst, f.Left)
	case *GoAway:
		dst = putNumber(append(dst, byte(TypeGoAway)), uint64(f.RetryAfter))
		dst = putNumber(dst, uint64(f.Spread))
		dst = putText(dst, f.Reason)
	case *Err:
		dst = append(dst, byte(TypeErr), flag(f.Temporary, flagTemporary))
		dst = putNumber(dst, uint64(f.ID))
		dst = putNumber(dst, uint64(f.Code))
		dst = putNumber(dst, uint64(f.RetryAfter))
		dst = putText(dst, f.Message)
	}
	return dst
}

func putSubscription(dst []byte, s *Subscription) []byte {
	dst = append(dst, byte(s.QoS)|flag(s.Presence, flagPresence)|flag(s.Cursor != nil, flagCursor))
	dst = putText(dst, s.Filter)
	if s.Cursor != nil {
		dst = putNumber(dst, s.Cursor.Epoch)
		dst = putNumber(dst, s.Cursor.Offset)
	}
	return dst
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

func putNumber(dst []byte, x uint64) []byte { return binary.AppendUvarint(dst, x) }

func putText(dst []byte, s string) []byte { return append(putNumber(dst, uint64(len(s))), s...) }

func putTexts(dst []byte, list []string) []byte {
	dst = putNumber(dst, uint64(len(list)))
	for _, s := range list {
		dst = putText(dst, s)
	}
	return dst
}
