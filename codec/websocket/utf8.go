package websocket

import (
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// validPrefix reports whether p can be the beginning of UTF-8, and returns
// how many bytes of it are whole runes: all but the three at the most that begin
// one at its end.
func validPrefix(p []byte) (n int, ok bool) {
	n = len(p)
	for i := n - 1; i >= 0 && i >= n-(utf8.UTFMax-1); i-- {
		if utf8.RuneStart(p[i]) {
			if !utf8.FullRune(p[i:]) {
				n = i
			}
			break
		}
	}
	return n, utf8.Valid(p[:n])
}

// validPart is validPrefix for the payload of a frame that is still masked, if
// mask is not nil. The first seen bytes are known to be in order. midRune says
// that p may begin within a rune, of which nothing is known.
func validPart(p []byte, mask *[4]byte, seen int, midRune bool) bool {
	// A rune that had only begun at seen has begun within the three bytes
	// before. Going back as far may end within a rune that is known, or with
	// midRune not known; either way its rest is continuation bytes.
	from := max(seen-(utf8.UTFMax-1), 0)
	skip := 0
	if from > 0 || midRune {
		skip = utf8.UTFMax - 1
	}
	var clear [512]byte // the payload stays as it came, for Parse to unmask
	for from < len(p) {
		chunk := p[from:min(from+len(clear), len(p))]
		if mask != nil {
			n := copy(clear[:], chunk)
			chunk = clear[:n]
			ws.Cipher(chunk, *mask, from)
		}
		for ; skip > 0 && len(chunk) > 0 && !utf8.RuneStart(chunk[0]); skip-- {
			chunk = chunk[1:]
			from++
		}
		skip = 0
		n, ok := validPrefix(chunk)
		if !ok {
			return false
		}
		if n == 0 {
			break // what is left begins a rune
		}
		from += n
	}
	return true
}
