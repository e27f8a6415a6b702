package http1

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// maxEmptyLines is how many empty lines are skipped before a request. RFC 9112,
// 2.2, wants at least one, for clients that send one after a body.
const maxEmptyLines = 8

// Parse reads the head of a request at the start of buf. n is the number of
// bytes that it occupies, with the empty line at its end and any before it: the
// body begins at buf[n]. n == 0 with a nil error means that the head is not
// complete: call again with more bytes. The error is an [*Error]. Unless n > 0,
// what r holds is of no use.
//
// seen says that an earlier call, with the same limits, has found buf[:seen]
// incomplete; zero is always right. It keeps the cost linear when bytes arrive
// one at a time: those seen are looked at once more, when the head is complete.
//
// A faulty line is refused as soon as it is complete, what is wrong with the head
// as a whole at its end; the answer is the same however the bytes arrive.
//
// A Request must not be used by two goroutines at once while one of them is in
// Parse.
func (r *Request) Parse(buf []byte, seen int, l Limits) (n int, err error) {
	start, err := skipEmptyLines(buf)
	if start == len(buf) || err != nil {
		return 0, err
	}
	head, max, full := buf[start:], l.head(), false
	if len(head) >= max {
		head, full = head[:max], true
	}
	from := 0
	if seen > start {
		from = resume(head, min(seen-start, len(head)))
	}
	if from >= 0 {
		n, err = r.parseHead(head, from, l.headers())
	}
	switch {
	case err != nil:
		return 0, err
	case n > 0:
		return start + n, nil
	case full:
		return 0, overlong(head)
	}
	return 0, nil
}

// skipEmptyLines returns where the first line that is not empty begins, or
// len(buf) when that is still to come.
func skipEmptyLines(buf []byte) (int, error) {
	i := 0
	for i < len(buf) && buf[i] == '\r' {
		if i+1 == len(buf) {
			return len(buf), nil
		}
		if buf[i+1] != '\n' {
			return 0, errBareCR
		}
		if i += 2; i > 2*maxEmptyLines {
			return 0, errEmptyLines
		}
	}
	return i, nil
}

// overlong says what is too long in a head that does not end within its limit.
func overlong(head []byte) error {
	if bytes.IndexByte(head, '\n') >= 0 {
		return errHeadLong
	}
	if bytes.IndexByte(head, ' ') < 0 {
		return errMethodLong
	}
	return errTargetLong
}

// resume returns the start of the line that was not complete in head[:seen], and
// -1 if it still is not: then there is nothing to do. Each line is looked back
// over once, when it ends.
func resume(head []byte, seen int) int {
	if bytes.IndexByte(head[seen:], '\n') < 0 {
		return -1
	}
	return bytes.LastIndexByte(head[:seen], '\n') + 1
}

// parseHead parses all lines of a head that begin at from or later, and if they
// end it, the whole.
func (r *Request) parseHead(b []byte, from, maxHeaders int) (n int, err error) {
	if from > 0 {
		n, r.Headers, _, err = parseFields(b, from, r.Headers[:0], maxHeaders)
		if n == 0 || err != nil {
			return 0, err
		}
	}
	n, err = r.parseRequestLine(b)
	if n == 0 || err != nil {
		return 0, err
	}
	var f framing
	n, r.Headers, f, err = parseFields(b, n, r.Headers[:0], maxHeaders)
	if n == 0 || err != nil {
		return 0, err
	}
	if err = r.settle(&f); err != nil {
		return 0, err
	}
	return n, nil
}

// unlessIncomplete returns err if the line that goes on with rest is complete.
// That keeps the answer independent of how the bytes arrive, since a line that
// is not complete is not looked at again before it is.
func unlessIncomplete(rest []byte, err error) error {
	if bytes.IndexByte(rest, '\n') < 0 {
		return nil
	}
	return err
}

var http11 = binary.LittleEndian.Uint64([]byte("HTTP/1.1"))

// parseRequestLine reads method SP request-target SP HTTP-version CRLF
// (RFC 9112, 3).
func (r *Request) parseRequestLine(b []byte) (n int, err error) {
	i := 0
	for i < len(b) && class[b[i]]&inToken != 0 {
		i++
	}
	if i == 0 {
		return 0, errMethod // what is no HTTP at all, at its first byte
	}
	if i == len(b) {
		return 0, nil
	}
	if b[i] != ' ' {
		return 0, unlessIncomplete(b[i:], errMethod)
	}
	r.Method = b[:i:i]
	i++
	start := i
	r.path, r.query, r.Host = nil, nil, nil
	if i < len(b) && b[i] == '/' {
		i = pathEnd(b, i)
		r.path = b[start:i:i]
		if i < len(b) && b[i] == '?' {
			i = queryEnd(b, i+1)
			r.query = b[start+len(r.path)+1 : i : i]
		}
	} else {
		i = queryEnd(b, i)
	}
	if i == len(b) {
		return 0, nil
	}
	if b[i] != ' ' || i == start {
		return 0, unlessIncomplete(b[i:], errTarget)
	}
	r.Target = b[start:i:i]
	i++
	if rest := b[i:]; len(rest) >= 10 && binary.LittleEndian.Uint64(rest) == http11 && rest[8] == '\r' && rest[9] == '\n' {
		r.Minor = 1
		n = i + 10
	} else {
		size, err := r.parseVersion(rest)
		if size == 0 || err != nil {
			return 0, err
		}
		n = i + size
	}
	// The form is looked at behind the version, so that the preface of HTTP/2,
	// "PRI * HTTP/2.0", gets the answer that it understands.
	if r.path == nil || len(r.Method) == len("CONNECT") && string(r.Method) == "CONNECT" {
		if err := r.parseTarget(); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// parseVersion reads HTTP-version CRLF where it is not simply HTTP/1.1.
func (r *Request) parseVersion(b []byte) (n int, err error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return 0, nil
	}
	if end == 0 || b[end-1] != '\r' {
		return 0, errBareLF
	}
	v := b[:end-1]
	if len(v) != len("HTTP/1.1") || string(v[:5]) != "HTTP/" || v[6] != '.' ||
		class[v[5]]&isDigit == 0 || class[v[7]]&isDigit == 0 {
		return 0, errVersion
	}
	if v[5] != '1' {
		return 0, errMajor
	}
	// A higher minor version is met as the highest one known: RFC 9110, 2.5.
	r.Minor = min(int(v[7]-'0'), 1)
	return end + 1, nil
}

// parseFields reads field lines (RFC 9112, 5) from b[i] on up to the empty line
// at the end, and returns where that ends, or 0 if it is still to come. It
// appends the fields to headers, and puts into f what it notes on the way.
func parseFields(b []byte, i int, headers []Header, maxHeaders int) (n int, all []Header, f framing, err error) {
	f.length = -1
	for {
		start := i
		for i < len(b) && class[b[i]]&inToken != 0 {
			i++
		}
		if i == len(b) {
			break
		}
		if b[i] != ':' || i == start {
			if i == start && b[i] == '\r' {
				if i+1 == len(b) {
					break
				}
				if b[i+1] == '\n' {
					n = i + 2
					break
				}
			}
			err = unlessIncomplete(b[i:], nameFault(b[i:], i == start))
			break
		}
		name := b[start:i:i]
		i++
		for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
			i++
		}
		start = i
		i = textEnd(b, i)
		if i+1 >= len(b) {
			if i < len(b) && b[i] != '\r' {
				err = unlessIncomplete(b[i:], valueFault(b[i:]))
			}
			break
		}
		if b[i] != '\r' || b[i+1] != '\n' {
			err = unlessIncomplete(b[i:], valueFault(b[i:]))
			break
		}
		end := i
		for end > start && (b[end-1] == ' ' || b[end-1] == '\t') {
			end--
		}
		value := b[start:end:end]
		i += 2
		if len(headers) == maxHeaders {
			f.set(tooMany)
			continue
		}
		headers = append(headers, Header{name, value})
		// The lengths keep all but a few of the other names away.
		switch len(name) {
		case 4, 6, 7, 10, 14, 17:
			f.note(name, value)
		}
	}
	return n, headers, f, err
}

// nameFault says what is wrong with a line that has something else than a colon
// behind the token it begins with, which may be empty.
func nameFault(rest []byte, empty bool) error {
	switch c := rest[0]; {
	case c == '\n':
		return errBareLF
	case c == '\r' && rest[min(1, len(rest)-1)] != '\n':
		return errBareCR
	case c == '\r':
		return errNoColon
	case c != ' ' && c != '\t':
		return errName
	case empty:
		return errFold
	}
	return errNameSpace
}

// valueFault says what is wrong with a control character in a value.
func valueFault(rest []byte) error {
	switch rest[0] {
	case '\n':
		return errBareLF
	case '\r':
		return errBareCR
	}
	return errValue
}

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// textEnd returns where in b, at i or behind it, the first byte is that must not
// be in a field value: a control character, as the CR at its end is one. Eight
// bytes are looked at in one step: in m, the lowest high bit that is set marks
// the first byte below 0x20 or equal to 0x7f.
func textEnd(b []byte, i int) int {
	for len(b)-i >= 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		m := ((x - ones*0x20) | ((x ^ ones*0x7f) - ones)) &^ x & high
		if m == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(m) >> 3
		if b[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(b) && class[b[i]]&inValue != 0 {
		i++
	}
	return i
}
