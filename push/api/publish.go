package api

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

var messageFields = []string{"topic", "data", "base64", "qos", "ttl", "id"}

// message is the body of /api/publish, and a part of that of /api/batch.
type message struct {
	Topic  string  `json:"topic"`
	Data   *string `json:"data"`   // or
	Base64 *string `json:"base64"` // if it is not UTF-8; neither: no data
	QoS    uint8   `json:"qos"`
	TTL    uint32  `json:"ttl"` // seconds; 0: the log's retention
	ID     string  `json:"id"`
}

// receipt answers a message: one of Receipt and Error.
type receipt struct {
	push.Receipt
	Error *errorLine `json:"error,omitempty"`
}

// publish is POST /api/publish.
func (c *call) publish() (any, error) {
	var m message
	if err := c.decode(&m, c.o.MaxBody, messageFields); err != nil {
		return nil, err
	}
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	if key != "" {
		if m.ID != "" && m.ID != key {
			return nil, malformed("id and the header Idempotency-Key differ: one of them is enough")
		}
		m.ID = key
	}
	p, err := c.publication(&m)
	if err != nil {
		return nil, err
	}
	receipts, errs := c.publishAll([]push.Publication{p})
	if errs != nil && errs[0] != nil {
		return nil, errs[0]
	}
	return receipts[0], nil
}

// key returns the header Idempotency-Key, with or without the quotes of a structured
// field.
func (c *call) key() (string, error) {
	all := c.r.Header.Values("Idempotency-Key")
	if len(all) == 0 {
		return "", nil
	}
	k := strings.TrimSpace(all[0])
	if n := len(k); n >= 2 && k[0] == '"' && k[n-1] == '"' {
		k = k[1 : n-1]
	}
	if len(all) > 1 || k == "" {
		return "", malformed("Idempotency-Key has to be one key")
	}
	return k, c.checkID(k)
}

func (c *call) checkID(id string) error {
	if len(id) > c.o.MaxTopic || !utf8.ValidString(id) {
		return malformed("a key or id has to be UTF-8, of up to %d bytes", c.o.MaxTopic)
	}
	return nil
}

// publication checks a message.
func (c *call) publication(m *message) (p push.Publication, err error) {
	if err := c.mayPublish(m.Topic); err != nil {
		return p, err
	}
	if m.QoS > uint8(protocol.AtLeastOnce) {
		return p, &failure{status: http.StatusBadRequest, code: protocol.CodeQoS, message: "qos is 0 or 1"}
	}
	if err := c.checkID(m.ID); err != nil {
		return p, err
	}
	p = push.Publication{
		Topic: m.Topic, QoS: protocol.QoS(m.QoS), TTL: time.Duration(m.TTL) * time.Second,
		MessageID: m.ID, Publisher: c.publisher(),
	}
	switch {
	case m.Data != nil && m.Base64 != nil:
		return p, malformed("data and base64 are both there: one of them is enough")
	case m.Data != nil:
		p.Data = []byte(*m.Data)
	case m.Base64 != nil:
		if p.Data, err = base64.StdEncoding.DecodeString(*m.Base64); err != nil {
			return p, malformed("base64 is not that of RFC 4648, section 4, with padding")
		}
	}
	return p, nil
}

// errUnanswered is what those get who wait for a publisher that has not come to an end.
var errUnanswered = errors.New("api: the first one with this key was not answered")

// publishAll publishes messages, but for those of QoS 0 whose key has been seen. For
// QoS 1 the log knows. errs is nil if there are none.
func (c *call) publishAll(ps []push.Publication) ([]push.Receipt, []error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.o.Timeout)
	defer cancel()
	entries := make([]*entry, len(ps)) // of those that have a key in the window
	mine := make([]bool, len(ps))      // the others are somebody's who came first
	var group []push.Publication
	var places []int
	for i, p := range ps {
		if p.QoS == protocol.AtMostOnce && p.MessageID != "" {
			if entries[i], mine[i] = c.keys.begin(p.Publisher + "\x00" + p.MessageID); !mine[i] {
				continue
			}
		}
		group, places = append(group, p), append(places, i)
	}
	receipts, errs := make([]push.Receipt, len(ps)), make([]error, len(ps))
	end := func(err error) {
		for i, e := range entries {
			if e != nil && mine[i] {
				c.keys.end(e, receipts[i], cmp.Or(err, errs[i]))
			}
		}
	}
	defer end(errUnanswered) // if it panics: nobody may wait for ever
	if len(group) > 0 {
		got, failed := c.server.PublishAll(ctx, group)
		for k, i := range places {
			if receipts[i] = got[k]; failed != nil {
				errs[i] = failed[k]
			}
		}
	}
	end(nil)
	// Only now: two batches that wait for each other's keys both have published theirs.
	for i, e := range entries {
		if e != nil && !mine[i] {
			receipts[i], errs[i] = e.wait(ctx)
		}
	}
	for _, err := range errs {
		if err != nil {
			return receipts, errs
		}
	}
	return receipts, nil
}
