package protocol

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
)

// appendJSON appends a frame that was checked. What the tags of the structs say of
// names and of what may be left out holds here.
func appendJSON(dst []byte, f Frame) []byte {
	switch f := f.(type) {
	case *Hello:
		o := begin(dst, "hello").number("version", uint64(f.Version))
		if f.Version != Version {
			return o.end()
		}
		o = o.optText("token", f.Token).optText("session", f.Session)
		if len(f.Cursors) > 0 {
			o = o.name("cursors")
			for i := range f.Cursors {
				o = append(o, listMark(i))
				o = append(o.subscription(&f.Cursors[i], '{'), '}')
			}
			o = append(o, ']')
		}
		return o.end()
	case *Welcome:
		return begin(dst, "welcome").text("session", f.Session).number("ping", uint64(f.Ping)).
			optNumber("expires", uint64(f.Expires)).number("max_message", uint64(f.MaxMessage)).
			number("max_subs", uint64(f.MaxSubs)).number("max_topic", uint64(f.MaxTopic)).
			optNumber("max_flight", uint64(f.MaxFlight)).end()
	case *Sub:
		return begin(dst, "sub").number("id", uint64(f.ID)).subscription(&f.Subscription, ',').end()
	case *SubOK:
		return begin(dst, "subok").optNumber("id", uint64(f.ID)).text("filter", f.Filter).
			optNumber("qos", uint64(f.QoS)).number("epoch", f.Epoch).number("offset", f.Offset).
			flag("recovered", f.Recovered).end()
	case *Unsub:
		return begin(dst, "unsub").text("filter", f.Filter).end()
	case *Pub:
		return begin(dst, "pub").number("id", uint64(f.ID)).text("topic", f.Topic).
			optText("message_id", f.MessageID).optNumber("qos", uint64(f.QoS)).
			optNumber("ttl", uint64(f.TTL)).data(f.Data).end()
	case *PubAck:
		return begin(dst, "puback").number("id", uint64(f.ID)).number("epoch", f.Epoch).
			number("offset", f.Offset).optFlag("duplicate", f.Duplicate).end()
	case *Msg:
		return begin(dst, "msg").text("topic", f.Topic).optFlag("wildcard", f.Wildcard).
			optNumber("offset", f.Offset).optNumber("previous", f.Previous).
			optNumber("position", f.Position).data(f.Data).end()
	case *Ack:
		return begin(dst, "ack").optText("filter", f.Filter).number("offset", f.Offset).end()
	case *Ping:
		return begin(dst, "ping").end()
	case *Pong:
		return begin(dst, "pong").end()
	case *Token:
		return begin(dst, "token").number("id", uint64(f.ID)).optText("token", f.Token).
			optNumber("expires", uint64(f.Expires)).end()
	case *Presence:
		return begin(dst, "presence").optNumber("id", uint64(f.ID)).text("topic", f.Topic).
			optNumber("count", uint64(f.Count)).optTexts("clients", f.Clients).
			optTexts("joined", f.Joined).optTexts("left", f.Left).optFlag("truncated", f.Truncated).end()
	case *GoAway:
		return begin(dst, "goaway").number("retry_after", uint64(f.RetryAfter)).
			number("spread", uint64(f.Spread)).optText("reason", f.Reason).end()
	case *Err:
		return begin(dst, "err").optNumber("id", uint64(f.ID)).number("code", uint64(f.Code)).
			optFlag("temporary", f.Temporary).optNumber("retry_after", uint64(f.RetryAfter)).
			optText("message", f.Message).end()
	}
	return dst
}

// object is the beginning of a JSON object, to which fields are appended. The methods
// that begin with opt leave out what is zero.
type object []byte

func begin(dst []byte, typ string) object {
	return append(append(append(dst, `{"type":"`...), typ...), '"')
}

func (o object) end() []byte { return append(o, '}') }

func (o object) name(name string) object {
	return append(append(append(o, `,"`...), name...), `":`...)
}

func (o object) number(name string, x uint64) object {
	return strconv.AppendUint(o.name(name), x, 10)
}

func (o object) optNumber(name string, x uint64) object {
	if x == 0 {
		return o
	}
	return o.number(name, x)
}

func (o object) flag(name string, x bool) object { return strconv.AppendBool(o.name(name), x) }

func (o object) optFlag(name string, x bool) object {
	if !x {
		return o
	}
	return o.flag(name, x)
}

func (o object) text(name, s string) object { return appendText(o.name(name), s) }

func (o object) optText(name, s string) object {
	if s == "" {
		return o
	}
	return o.text(name, s)
}

func (o object) optTexts(name string, list []string) object {
	if len(list) == 0 {
		return o
	}
	o = o.name(name)
	for i, s := range list {
		o = appendText(append(o, listMark(i)), s)
	}
	return append(o, ']')
}

// listMark is what stands before member i of a list.
func listMark(i int) byte {
	if i == 0 {
		return '['
	}
	return ','
}

// subscription appends the fields of a subscription, mark before the first.
func (o object) subscription(s *Subscription, mark byte) object {
	o = appendText(append(append(o, mark), `"filter":`...), s.Filter)
	o = o.optNumber("qos", uint64(s.QoS)).optFlag("presence", s.Presence)
	if c := s.Cursor; c != nil {
		o = strconv.AppendUint(append(o.name("cursor"), `{"epoch":`...), c.Epoch, 10)
		o = append(o.number("offset", c.Offset), '}')
	}
	return o
}

// data appends data as a string, or, if it is not UTF-8, in base64.
func (o object) data(data []byte) object {
	if utf8.Valid(data) {
		return appendText(o.name("data"), data)
	}
	return append(base64.StdEncoding.AppendEncode(append(o.name("base64"), '"'), data), '"')
}

// appendText appends a string, which is UTF-8. It escapes what encoding/json does
// without its care for HTML: quotes, backslashes, control characters, and the two
// separators that JavaScript once took for the end of a line.
func appendText[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	done := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0xE2 {
			continue
		}
		if c == 0xE2 { // U+2028 and U+2029 are E2 80 A8 and E2 80 A9
			if i+2 < len(s) && s[i+1] == 0x80 && s[i+2]&^1 == 0xA8 {
				dst = append(append(dst, s[done:i]...), `\u202`...)
				dst = append(dst, hex[s[i+2]&0xF])
				i += 2
				done = i + 1
			}
			continue
		}
		dst = append(dst, s[done:i]...)
		done = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&0xF])
		}
	}
	return append(append(dst, s[done:]...), '"')
}
