package protocol

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// reader takes fields from a binary frame. After the first error all that it returns is
// zero.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	r.rest = nil
}

// number reads a varint of at most 10 bytes that fits in bits.
func (r *reader) number(field string, bits uint) uint64 {
	x, n := binary.Uvarint(r.rest)
	switch {
	case n == 0 && len(r.rest) < binary.MaxVarintLen64:
		r.fail("%s: it ends within this number", field)
		return 0
	case n <= 0 || x>>bits != 0:
		r.fail("%s: the number has more than %d bits", field, bits)
		return 0
	}
	r.rest = r.rest[n:]
	return x
}

func (r *reader) uint32(field string) uint32 { return uint32(r.number(field, 32)) }

// position reads an epoch, an offset or a position.
func (r *reader) position(field string) uint64 { return r.number(field, 53) }

// flags reads the flags byte.
func (r *reader) flags(known byte) byte {
	if len(r.rest) == 0 {
		r.fail("it ends before the flags")
		return 0
	}
	flags := r.rest[0]
	if flags&^known != 0 {
		r.fail("reserved flags are set: %#02x", flags&^known)
		return 0
	}
	r.rest = r.rest[1:]
	return flags
}

func (r *reader) text(field string) string {
	n := r.number(field, 32)
	if n > uint64(len(r.rest)) {
		r.fail("%s: %d bytes are announced, %d are there", field, n, len(r.rest))
		return ""
	}
	b := r.rest[:n]
	if !utf8.Valid(b) {
		r.fail("%s: not UTF-8", field)
		return ""
	}
	r.rest = r.rest[n:]
	return string(b)
}

// count reads the length of a list whose members take at least size bytes each.
func (r *reader) count(field string, size int) int {
	n := r.number(field, 32)
	switch {
	case n > MaxList:
		r.fail("%s: more than %d", field, MaxList)
		return 0
	case n*uint64(size) > uint64(len(r.rest)):
		r.fail("%s: %d are announced, there are not bytes for so many", field, n)
		return 0
	}
	return int(n)
}

func (r *reader) texts(field string) []string {
	n := r.count(field, 1)
	if n == 0 {
		return nil
	}
	list := make([]string, 0, min(n, 64))
	for ; n > 0 && r.err == nil; n-- {
		list = append(list, r.text(field))
	}
	return list
}

// data takes what is left.
func (r *reader) data() []byte {
	b := r.rest
	if len(b) == 0 {
		return nil
	}
	r.rest = nil
	return b[:len(b):len(b)]
}
