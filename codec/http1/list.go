package http1

import "bytes"

// equalFold compares b with s of the same length without regard to the case of
// ASCII letters, and of them only: a name is a token.
func equalFold(b []byte, s string) bool {
	for i := range b {
		x, y := b[i], s[i]
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

// is compares b of any length with s, which is in lower case.
func is(b []byte, s string) bool { return len(b) == len(s) && equalFold(b, s) }

// nextElement cuts the first element from a comma-separated list, without the
// whitespace around it. rest is nil behind the last one.
func nextElement(list []byte) (element, rest []byte) {
	if i := bytes.IndexByte(list, ','); i >= 0 {
		return trim(list[:i]), list[i+1:]
	}
	return trim(list), nil
}

// trim takes the OWS off both ends (RFC 9110, 5.6.3).
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// parseLength reads a Content-Length: digits only, up to 63 bits (RFC 9110, 8.6).
func parseLength(b []byte) (n int64, ok bool) {
	for _, c := range b {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (1<<63-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(b) > 0
}
