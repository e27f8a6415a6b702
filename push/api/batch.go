package api

import (
	"strconv"
	"strings"

	"github.com/weir-go/weir/push"
)

// batchFields is what can be in a batch, for humans.
var batchFields = []string{"messages, and in each of them " + strings.Join(messageFields, ", ")}

// batch is POST /api/batch. Messages are refused one by one: the status is 200 also if
// some or all of them were.
func (c *call) batch() (any, error) {
	var body struct {
		Messages []message `json:"messages"`
	}
	if err := c.decode(&body, c.o.MaxBatchBody, batchFields); err != nil {
		return nil, err
	}
	switch n := len(body.Messages); {
	case n == 0:
		return nil, malformed("messages is missing or empty")
	case n > c.o.MaxBatch:
		return nil, tooLarge("a batch may have up to %d messages, not %d", c.o.MaxBatch, n)
	}
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	results := make([]receipt, len(body.Messages))
	var ps []push.Publication
	var places []int
	for i := range body.Messages {
		m := &body.Messages[i]
		if key != "" && m.ID == "" {
			m.ID = key + "/" + strconv.Itoa(i)
		}
		p, err := c.publication(m)
		if err != nil {
			results[i].Error = c.refused(err)
			continue
		}
		ps, places = append(ps, p), append(places, i)
	}
	if len(ps) > 0 {
		receipts, errs := c.publishAll(ps)
		for k, i := range places {
			if results[i].Receipt = receipts[k]; errs != nil && errs[k] != nil {
				results[i] = receipt{Error: c.refused(errs[k])}
			}
		}
	}
	return map[string]any{"results": results}, nil
}

// refused is the line for a message of a batch, which counts as a request does.
func (c *call) refused(err error) *errorLine {
	f := asFailure(err)
	c.count(c, f, err)
	return f.line()
}
