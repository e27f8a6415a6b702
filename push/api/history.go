package api

import (
	"unicode/utf8"

	"github.com/weir-go/weir/push/msglog"
)

var historyParams = []string{"topic", "after", "limit", "epoch"}

// history is GET /api/history. after is the offset behind which to begin, and epoch the
// one it was valid in. Where the topic has begun anew since, the messages come from the
// oldest on, and "recovered" is false, as it is where messages are missing behind after.
func (c *call) history() (any, error) {
	q, err := c.query(historyParams)
	if err != nil {
		return nil, err
	}
	name := q.Get("topic")
	if err := c.maySubscribe(name); err != nil {
		return nil, err
	}
	after, err := q.number("after")
	if err != nil {
		return nil, err
	}
	epoch, err := q.number("epoch")
	if err != nil {
		return nil, err
	}
	limit, err := q.limit()
	if err != nil {
		return nil, err
	}
	h, err := c.server.History(name, after, limit)
	if err != nil {
		return nil, err
	}
	if epoch == 0 {
		epoch = h.Epoch
	}
	recovered := h.Has(epoch, after) || h.Epoch == 0 && epoch == 0 && after == 0
	if epoch != h.Epoch || after > h.Last {
		if h, err = c.server.History(name, 0, limit); err != nil {
			return nil, err
		}
	}
	type line struct {
		Offset  uint64  `json:"offset"`
		Time    int64   `json:"time"`              // Unix, milliseconds
		Expires int64   `json:"expires,omitempty"` // the same
		Data    *string `json:"data,omitempty"`
		Base64  []byte  `json:"base64,omitempty"` // if it is not UTF-8
	}
	list := make([]line, len(h.Records))
	for i, r := range h.Records {
		l := line{Offset: r.Offset, Time: r.Time, Expires: r.Expires}
		if utf8.Valid(r.Data) {
			text := string(r.Data)
			l.Data = &text
		} else {
			l.Base64 = r.Data
		}
		list[i] = l
	}
	return struct {
		Topic     string `json:"topic"`
		Epoch     uint64 `json:"epoch"`
		First     uint64 `json:"first"`
		Last      uint64 `json:"last"`
		Next      uint64 `json:"next"` // the after to go on with
		Recovered bool   `json:"recovered"`
		Messages  []line `json:"messages"`
	}{name, h.Epoch, first(h.Extent), h.Last, h.Next, recovered, list}, nil
}

// first is that of an extent; a topic that is not known begins with 1.
func first(e msglog.Extent) uint64 { return max(e.First, 1) }
