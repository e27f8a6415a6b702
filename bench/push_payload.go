//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A publication is what one message of the push benchmark says of itself: receivers
// tell by it how long it took, and whether one is missing or came twice.
type publication struct {
	planned int64  // monotonic: when it was to be published
	seq     uint64 // 1, 2, 3 ... in its topic
	topic   int
}

// leastPush is the size in bytes of the smallest data of a publication.
const leastPush = 20

// A payload makes and reads the data of publications of one size. What is behind
// the head is the same in all of them.
type payload struct{ data []byte }

func newPayload(size int) *payload { return &payload{broadcastPayload(size)} }

// of returns the data of p, until the next call.
func (d *payload) of(p publication) []byte {
	binary.BigEndian.PutUint64(d.data, uint64(p.planned))
	binary.BigEndian.PutUint64(d.data[8:], p.seq)
	binary.BigEndian.PutUint32(d.data[16:], uint32(p.topic))
	return d.data
}

// read is the opposite, and checks every byte.
func (d *payload) read(data []byte) (publication, error) {
	if len(data) != len(d.data) {
		return publication{}, fmt.Errorf("%d bytes of data have come, %d were published", len(data), len(d.data))
	}
	if !bytes.Equal(data[leastPush:], d.data[leastPush:]) {
		return publication{}, fmt.Errorf("the data that has come is not what was published: %.40q", data)
	}
	return d.head(data), nil
}

// head reads and does not check. data is at least leastPush bytes.
func (*payload) head(data []byte) publication {
	return publication{
		planned: int64(binary.BigEndian.Uint64(data)),
		seq:     binary.BigEndian.Uint64(data[8:]),
		topic:   int(binary.BigEndian.Uint32(data[16:])),
	}
}

// topicName names a topic for every server.
func topicName(topic int) string { return fmt.Sprintf("bench/%d", topic) }
