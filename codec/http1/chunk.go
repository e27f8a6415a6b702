package http1

import "bytes"

const (
	// maxChunkLine is the longest line with a chunk size, in bytes with its end.
	maxChunkLine = 1024
	// maxChunkDigits is how many digits a chunk size may have, zeros included.
	maxChunkDigits = 16
	// defaultMaxTrailer is the longest trailer section unless told otherwise.
	defaultMaxTrailer = 4096
)

// maxTrailer is the maximum in force for a MaxTrailer field. The empty line
// always fits: no body could end without it.
func maxTrailer(limit int) int {
	if limit <= 0 {
		return defaultMaxTrailer
	}
	return max(limit, len("\r\n"))
}

// parseChunkLine reads chunk-size [ chunk-ext ] CRLF (RFC 9112, 7.1). n is the
// length of the line, or 0 while it is not complete.
func parseChunkLine(b []byte) (size int64, n int, err error) {
	i := 0
	for i < len(b) && class[b[i]]&isHex != 0 {
		if i == maxChunkDigits {
			return 0, 0, errChunkSize
		}
		if size >= 1<<59 {
			return 0, 0, errChunkSize
		}
		size = size<<4 | int64(unhex(b[i]))
		i++
	}
	if len(b)-i >= 2 && b[i] == '\r' && b[i+1] == '\n' && i > 0 {
		return size, i + 2, nil
	}
	if i == len(b) {
		return 0, 0, nil
	}
	if i == 0 || b[i] != ';' && b[i] != '\r' {
		return 0, 0, errChunkSize
	}
	end := bytes.IndexByte(b[:min(len(b), maxChunkLine)], '\n')
	switch {
	case end < 0 && len(b) >= maxChunkLine:
		return 0, 0, errChunkLine
	case end < 0:
		return 0, 0, nil
	case b[end-1] != '\r':
		return 0, 0, errBareLF
	case !validExtensions(b[i : end-1]):
		return 0, 0, errChunkExt
	}
	return size, end + 1, nil
}

// validExtensions reports whether b is chunk-ext (RFC 9112, 7.1.1):
//
//	*( ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//
// Whitespace before a ";" is not taken: net/http does not either.
func validExtensions(b []byte) bool {
	for len(b) > 0 {
		if b[0] != ';' {
			return false
		}
		b = skipBlanks(b[1:])
		name := tokenLen(b)
		if name == 0 {
			return false
		}
		b = b[name:]
		value := skipBlanks(b)
		if len(value) == 0 || value[0] != '=' {
			continue // with what is left as it is, a ";" or nothing
		}
		b = skipBlanks(value[1:])
		n := tokenLen(b)
		if len(b) > 0 && b[0] == '"' {
			n = quotedLen(b)
		}
		if n == 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

func skipBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	return b
}

// tokenLen is the length of the token that b begins with.
func tokenLen(b []byte) int {
	i := 0
	for i < len(b) && class[b[i]]&inToken != 0 {
		i++
	}
	return i
}

// quotedLen is the length of the quoted-string that b begins with, or 0 if it is
// not one (RFC 9110, 5.6.4).
func quotedLen(b []byte) int {
	for i := 1; i < len(b) && class[b[i]]&inValue != 0; i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			if i++; i == len(b) || class[b[i]]&inValue == 0 {
				return 0
			}
		}
	}
	return 0
}

// parseTrailer reads the trailer section at the start of b, of which the first
// seen bytes are known to be incomplete, and appends its fields to dst. n is its
// length with the empty line, or 0 while it is not complete.
func parseTrailer(b []byte, seen int, dst []Header, max int) (n int, fields []Header, err error) {
	full := len(b) >= max
	if full {
		b = b[:max]
	}
	from := 0
	if seen > 0 {
		from = resume(b, min(seen, len(b)))
	}
	var f framing
	if from >= 0 {
		n, fields, f, err = parseFields(b, from, dst, len(dst)+DefaultMaxHeaders)
	}
	if from > 0 && n > 0 {
		n, fields, f, err = parseFields(b, 0, dst, len(dst)+DefaultMaxHeaders)
	}
	switch {
	case err != nil:
		return 0, dst, err
	case n == 0 && full:
		return 0, dst, errTrailerLong
	case n == 0:
		return 0, dst, nil
	case f.has(tooMany):
		return 0, dst, errTooMany
	}
	for _, h := range fields[len(dst):] {
		if forbiddenTrailer(h.Name) {
			return 0, dst, errTrailerField
		}
	}
	return n, fields, nil
}
