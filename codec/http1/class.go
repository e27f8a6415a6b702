package http1

// class tells for each byte which parts of a request it may be in.
var class = classes()

const (
	inToken = 1 << iota // tchar: RFC 9110, 5.6.2
	inValue             // field-vchar, SP and HTAB, obs-text: RFC 9110, 5.5
	inPath              // what a path holds, but '%', which has to be looked at
	inQuery             // what a query holds, or any other part of a target
	inHost              // reg-name without percent-encoding: RFC 3986, 3.2.2
	isDigit
	isHex
)

func classes() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		digit := '0' <= c && c <= '9'
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if digit || letter || contains("!#$%&'*+-.^_`|~", c) {
			t[i] |= inToken
		}
		if c >= ' ' && c != 0x7f || c == '\t' {
			t[i] |= inValue
		}
		// Targets are taken with the characters that RFC 3986 wants encoded and
		// that clients send as they are, such as '|' and UTF-8, but never with
		// one that ends a line, a part of it, or the target.
		if c > ' ' && c != 0x7f && c != '#' {
			t[i] |= inQuery
			if c != '?' && c != '%' {
				t[i] |= inPath
			}
		}
		if digit || letter || contains("-._~!$&'()*+,;=", c) {
			t[i] |= inHost
		}
		if digit {
			t[i] |= isDigit
		}
		if digit || 'a' <= c|0x20 && c|0x20 <= 'f' {
			t[i] |= isHex
		}
	}
	return t
}

func contains(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}

// unhex is the value of a byte that isHex.
func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&0xf + 9
}
