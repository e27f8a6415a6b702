// Package msglog keeps messages in the order of their topics, for those who were away.
//
// There are three kinds of Log: Memory, which lives as long as the process; pebblelog.Log,
// on a disk; and Cached, which has the latest messages of another log in memory. All of
// them number messages without gaps, apply a Retention to each topic, remember for a
// while which messages were published, so that a publisher may repeat them, and bound
// what they keep.
//
// Offsets of a topic are dense: Previous of a record is its Offset less one, whatever has
// become of that message.
package msglog

import (
	"errors"
	"time"
)

// A Log keeps the messages of QoS 1. Each topic has its own sequence of offsets, 1, 2, 3
// ..., valid within an epoch, a random number that changes when the topic's messages,
// and with them its offsets, were forgotten. All messages together have positions, which
// grow in the order in which they were appended, valid within the epoch of the log.
// Epochs, offsets and positions stay below 1<<53 and are never 0.
//
// Append and Sweep are called by one goroutine each; all other methods by any, at any
// time.
type Log interface {
	// Append stores records, all or none, and fills in what Record says. When it
	// returns they are as durable as the log makes them, and found by all readers.
	// A duplicate is not stored: it gets the epoch, offset and position of the first.
	// An error means that nothing was stored, and that a later attempt may succeed.
	Append(records []*Record) error

	// Topic returns the extent of a topic: the zero Extent if the log knows nothing of
	// it, in which case the epoch that it may get is not known yet either. See Touch.
	Topic(name string) Extent

	// Touch is Topic which gives a topic that is not known an epoch, so that a
	// subscriber can come back with it.
	Touch(name string) (Extent, error)

	// All returns the extent of the whole log, in positions.
	All() Extent

	// Read appends to dst the records of a topic behind an offset, in order: as many
	// as there are, at most max, and at most as many as have size bytes of data
	// together (one at least, if there is any). Expired ones are left out. Records are
	// shared and must not be changed. next is the offset up to which everything has
	// been looked at: that of the last record, or more where the ones behind it have
	// expired.
	Read(dst []*Record, name string, after uint64, max, size int) (records []*Record, next uint64, err error)

	// Scan is Read for all topics that match, behind a position. It may look at no
	// more than some thousands of records that do not match before it returns; next
	// tells how far it has got, and next >= All().Last that it is done.
	Scan(dst []*Record, match func(topic string) bool, after uint64, max, size int) (records []*Record, next uint64, err error)

	// Watch tells whether anybody is subscribed to a topic, for logs that keep more
	// at hand for those. It is a hint.
	Watch(name string, watched bool)

	// Topics appends the topics that begin with a prefix, in order, behind a name, at
	// most max.
	Topics(dst []TopicInfo, prefix, after string, max int) ([]TopicInfo, error)

	// SaveCursors stores where sessions are, under their keys, to be returned by
	// LoadCursors also after a restart, if the log is one that survives it; lost are
	// at most the last few seconds. A nil value removes a key.
	SaveCursors(cursors map[string][]byte) error
	LoadCursors(key string) ([]byte, error) // nil, nil: there are none

	// Sweep removes what has expired or is beyond the retention. It is called every
	// second or so, and does a bounded piece of work.
	Sweep(now time.Time) error

	// Stats returns a snapshot of the counters.
	Stats() Stats

	Close() error
}

// Gaps is implemented by the logs of this package as well. It tells those who read with
// Scan more exactly than All().First what they have lost.
type Gaps interface {
	// Missing reports whether retention has removed messages behind a position of
	// topics that match. It may say so although there were none, if it had to look at
	// more than some thousands of topics, or topics have been forgotten since; it
	// never says no if there were. It is quick if nothing at all was removed behind
	// the position, and otherwise not for each message.
	Missing(match func(topic string) bool, after uint64) bool
}

// Record is a message. It is immutable once it was appended.
type Record struct {
	Topic     string
	Publisher string // with MessageID: who has to be told duplicates from
	MessageID string // "": it is never a duplicate
	Expires   int64  // Unix time in milliseconds; 0: never
	Data      []byte // kept by the log: must not be changed by the caller afterwards

	// Filled in by Append.
	Time      int64 // Unix time in milliseconds
	Epoch     uint64
	Offset    uint64
	Previous  uint64 // offset of the record before it in its topic; 0: it is the first
	Position  uint64
	Duplicate bool

	// Owner is the caller's. A log that keeps the record in memory keeps it with it.
	Owner any
}

// Extent is what a log has of a topic, or altogether, expired messages included.
//
// First is what Has needs: one more than the offset of the latest message that retention
// has removed. Messages that went by their TTL do not move it, as nobody is to have
// them. Of the whole log, with positions, it is careful: when a topic loses a message,
// First is behind it, although older messages of other topics are still there and are
// found by Scan. See Gaps.
type Extent struct {
	Epoch uint64
	First uint64 // offset of the oldest message that is there; Last+1 if there is none
	Last  uint64 // offset of the latest message there was; 0: none yet
}

// Has reports whether nothing is missing behind an offset of an epoch.
func (e Extent) Has(epoch, offset uint64) bool {
	return epoch == e.Epoch && epoch != 0 && offset+1 >= e.First && offset <= e.Last
}

// TopicInfo is a line of Topics.
type TopicInfo struct {
	Name string
	Extent
	Messages int   // there now
	Bytes    int64 // of their data
}

// Retention bounds what is kept of a topic. Zero fields stand for the log's defaults.
type Retention struct {
	Count int           // messages
	Bytes int64         // of data
	Age   time.Duration // since the message was appended
}

// Stats are counters, from the start on unless they say "now".
type Stats struct {
	Topics   int   `json:"topics"`   // now
	Messages int64 `json:"messages"` // now
	Bytes    int64 `json:"bytes"`    // of data, now, in memory for Memory, on disk for others

	Appended   uint64 `json:"appended"`
	Duplicates uint64 `json:"duplicates"`
	Failed     uint64 `json:"failed"`  // records refused because they could not be stored
	Trimmed    uint64 `json:"trimmed"` // removed by count, bytes or age
	Expired    uint64 `json:"expired"` // removed by their TTL
	Syncs      uint64 `json:"syncs"`   // group commits that were waited for
	Hits       uint64 `json:"hits"`    // reads served from memory
	Misses     uint64 `json:"misses"`  // reads that had to go to the disk
}

// ErrUnavailable is wrapped by errors of Append that may not come again, such as a full
// disk.
var ErrUnavailable = errors.New("push: the log cannot store messages at present")

// ErrClosed is returned after Close.
var ErrClosed = errors.New("push: the log is closed")
