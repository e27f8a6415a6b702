package websocket

import "strings"

// extension is an element of Sec-WebSocket-Extensions (RFC 6455, section 9.1):
//
//	extension-list  = 1#extension
//	extension       = token *( ";" extension-param )
//	extension-param = token [ "=" (token | quoted-string) ]
type extension struct {
	name   string
	params []param
}

type param struct {
	name  string
	value string
	given bool // there is a value
}

// nextExtension cuts the first element from list. ok is false at its end, and
// where it is not well-formed.
func nextExtension(list string) (e extension, rest string, ok bool) {
	s := strings.TrimLeft(list, ", \t") // empty elements are permitted
	if e.name, s = token(s); e.name == "" {
		return e, "", false
	}
	for {
		s = strings.TrimLeft(s, " \t")
		switch {
		case s == "":
			return e, "", true
		case s[0] == ',':
			return e, s[1:], true
		case s[0] != ';':
			return e, "", false
		}
		var p param
		if p.name, s = token(strings.TrimLeft(s[1:], " \t")); p.name == "" {
			return e, "", false
		}
		if s = strings.TrimLeft(s, " \t"); strings.HasPrefix(s, "=") {
			p.given = true
			if p.value, s, ok = value(strings.TrimLeft(s[1:], " \t")); !ok {
				return e, "", false
			}
		}
		e.params = append(e.params, p)
	}
}

// value cuts a token or a quoted-string, which has to be a token once it is
// unescaped, from s.
func value(s string) (v, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		v, rest = token(s)
		return v, rest, v != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			v = b.String()
			t, left := token(v)
			return v, s[i+1:], t != "" && left == ""
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// token cuts a token (RFC 9110, section 5.6.2) from s; it is empty if there is
// none.
func token(s string) (t, rest string) {
	i := 0
	for i < len(s) && tokenChar(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func tokenChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c != 0 && strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
