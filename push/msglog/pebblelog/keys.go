package pebblelog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weir-go/weir/push/msglog"
)

// What is on the disk. Integers in keys are big-endian, so that keys are in the order of
// their numbers; so are those in values but for uvarints.
//
//	meta       'm' name
//	             "format"   uint64: version of all this
//	             "epoch"    uint64: epoch of the log
//	             "last"     uint64: position of the latest message
//	             "trimmed"  uint64: highest position that retention has removed
//	             "id"       uint64: the latest topic id
//	             "age"      uint64: how many times topics have been forgotten
//	             "vanished" uint64: the highest gap of those
//
//	topic      +---+----------+
//	           |'t'| name     |
//	           +---+----------+
//	           => | id 8 | epoch 8 | trimmed 8 | gap 8 | last 8 | count 8 | bytes 8 | time 8 |
//	           trimmed is the highest offset that retention has removed, gap its
//	           position, time that of the latest message
//
//	message    +---+--------------+--------------+
//	           |'r'| topic id 8   | offset 8     |
//	           +---+--------------+--------------+
//	           => | 1 | position | time | expires | n | publisher | n | message id | data
//	           position, time, expires and the lengths are uvarints
//
//	position   +---+--------------+
//	           |'p'| position 8   |
//	           +---+--------------+
//	           => | topic id 8 | offset 8 |
//
//	expiry     +---+--------------+--------------+--------------+
//	           |'e'| expires 8    | topic id 8   | offset 8     |  => nothing
//	           +---+--------------+--------------+--------------+
//
//	duplicate  +---+--------------+
//	           |'d'| position 8   |
//	           +---+--------------+
//	           => | time 8 | epoch 8 | offset 8 | n | publisher | message id
//	           of messages that have an id, as long as the window; apart from the
//	           messages, whose topic may have lost them already
//
//	cursor     +---+----------+
//	           |'c'| session  |
//	           +---+----------+
//	           => | time 8 | value
const (
	keyMeta     = 'm'
	keyTopic    = 't'
	keyRecord   = 'r'
	keyPosition = 'p'
	keyExpiry   = 'e'
	keyDedup    = 'd'
	keyCursor   = 'c'
)

// formatVersion is what this code writes and reads.
const formatVersion = 1

// ErrFormat is wrapped by the error of Open for a directory of another version, and by
// those of reads that meet bytes which make no sense.
var ErrFormat = errors.New("pebblelog: the data has another format")

var be = binary.BigEndian

func metaKey(name string) []byte { return append([]byte{keyMeta}, name...) }

func topicKey(name string) []byte { return append([]byte{keyTopic}, name...) }

func cursorKey(session string) []byte { return append([]byte{keyCursor}, session...) }

func key1(kind byte, a uint64) []byte {
	return be.AppendUint64(append(make([]byte, 0, 9), kind), a)
}

func key2(kind byte, a, b uint64) []byte {
	return be.AppendUint64(be.AppendUint64(append(make([]byte, 0, 17), kind), a), b)
}

func key3(kind byte, a, b, c uint64) []byte {
	return be.AppendUint64(be.AppendUint64(be.AppendUint64(append(make([]byte, 0, 25), kind), a), b), c)
}

// row is what is stored of a topic.
type row struct {
	id      uint64
	epoch   uint64
	trimmed uint64
	gap     uint64
	last    uint64
	count   uint64
	bytes   uint64
	time    uint64
}

func (r row) append(b []byte) []byte {
	for _, v := range [...]uint64{r.id, r.epoch, r.trimmed, r.gap, r.last, r.count, r.bytes, r.time} {
		b = be.AppendUint64(b, v)
	}
	return b
}

func parseRow(b []byte) (r row, err error) {
	if len(b) != 64 {
		return r, fmt.Errorf("%w: a topic of %d bytes", ErrFormat, len(b))
	}
	for i, p := range [...]*uint64{&r.id, &r.epoch, &r.trimmed, &r.gap, &r.last, &r.count, &r.bytes, &r.time} {
		*p = be.Uint64(b[8*i:])
	}
	if r.id == 0 || r.epoch == 0 || r.trimmed > r.last || r.count > r.last-r.trimmed {
		return r, fmt.Errorf("%w: topic %d has offsets %d to %d and %d messages", ErrFormat, r.id, r.trimmed, r.last, r.count)
	}
	return r, nil
}

func appendRecord(b []byte, r *msglog.Record) []byte {
	b = append(b, 1)
	b = binary.AppendUvarint(b, r.Position)
	b = binary.AppendUvarint(b, uint64(r.Time))
	b = binary.AppendUvarint(b, uint64(r.Expires))
	b = binary.AppendUvarint(b, uint64(len(r.Publisher)))
	b = append(b, r.Publisher...)
	b = binary.AppendUvarint(b, uint64(len(r.MessageID)))
	b = append(b, r.MessageID...)
	return append(b, r.Data...)
}

// parseRecord fills in r what is stored with a message; its Data is a part of b.
func parseRecord(b []byte, r *msglog.Record) error {
	d := decoder{rest: b}
	version := d.byte()
	r.Position = d.uvarint()
	r.Time = int64(d.uvarint())
	r.Expires = int64(d.uvarint())
	r.Publisher = string(d.bytes(d.uvarint()))
	r.MessageID = string(d.bytes(d.uvarint()))
	r.Data = d.rest
	if d.bad || version != 1 {
		return fmt.Errorf("%w: a message that makes no sense", ErrFormat)
	}
	return nil
}

// decoder takes values off the front of rest; bad says that there were not enough bytes.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.bytes(8); b != nil {
		return be.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}
