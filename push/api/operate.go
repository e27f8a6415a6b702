package api

import (
	"net/http"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

var (
	presenceParams   = []string{"topic"}
	topicsParams     = []string{"prefix", "after", "limit"}
	clientsParams    = []string{"limit"}
	disconnectFields = []string{"user", "session", "revoke"}
)

// presence is GET /api/presence.
func (c *call) presence() (any, error) {
	q, err := c.query(presenceParams)
	if err != nil {
		return nil, err
	}
	name := q.Get("topic")
	if err := c.maySubscribe(name); err != nil {
		return nil, err
	}
	p, err := c.server.Presence(name)
	if err != nil {
		return nil, err
	}
	return struct {
		Topic     string   `json:"topic"`
		Count     uint32   `json:"count"`
		Clients   []string `json:"clients"`
		Truncated bool     `json:"truncated,omitempty"`
	}{name, p.Count, orEmpty(p.Clients), p.Truncated}, nil
}

// topics is GET /api/topics. next, if it is there, is the after to go on with.
func (c *call) topics() (any, error) {
	q, err := c.query(topicsParams)
	if err != nil {
		return nil, err
	}
	limit, err := q.limit()
	if err != nil {
		return nil, err
	}
	topics, err := c.server.Topics(q.Get("prefix"), q.Get("after"), limit)
	if err != nil {
		return nil, err
	}
	next := ""
	if n := len(topics); n == limit {
		next = topics[n-1].Name
	}
	return struct {
		Topics []push.TopicStats `json:"topics"`
		Next   string            `json:"next,omitempty"`
	}{orEmpty(topics), next}, nil
}

// clients is GET /api/clients.
func (c *call) clients() (any, error) {
	q, err := c.query(clientsParams)
	if err != nil {
		return nil, err
	}
	limit, err := q.limit()
	if err != nil {
		return nil, err
	}
	return map[string]any{"clients": orEmpty(c.server.Clients(limit))}, nil
}

// stats is GET /api/stats.
func (c *call) stats() (any, error) {
	if _, err := c.query(nil); err != nil {
		return nil, err
	}
	return c.server.Stats(), nil
}

// disconnect is POST /api/disconnect. With revoke the tokens of the user are worth
// nothing from now on; otherwise the client may be back at once, if it wants to.
func (c *call) disconnect() (any, error) {
	var body struct {
		User    string `json:"user"`
		Session string `json:"session"`
		Revoke  bool   `json:"revoke"`
	}
	if err := c.decode(&body, c.o.MaxBody, disconnectFields); err != nil {
		return nil, err
	}
	if body.User == "" && body.Session == "" {
		return nil, malformed("user or session is required")
	}
	code := protocol.CodeDisconnected
	if body.Revoke {
		code = protocol.CodeRevoked
		switch {
		case body.User == "":
			return nil, malformed("revoke needs a user, whose tokens it is about")
		case c.o.Revoke == nil:
			return nil, &failure{status: http.StatusNotImplemented, code: protocol.CodeUnexpected, message: "this server cannot revoke tokens"}
		}
		if err := c.o.Revoke(body.User); err != nil {
			return nil, &failure{status: http.StatusServiceUnavailable, code: protocol.CodeUnavailable, message: "the tokens could not be revoked, nobody was disconnected", temporary: true, err: err}
		}
	}
	return map[string]int{"disconnected": c.server.Disconnect(body.User, body.Session, code)}, nil
}

// orEmpty has JSON write [] where there is nothing.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
