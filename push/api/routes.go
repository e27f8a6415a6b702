package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/weir-go/weir/push/protocol"
)

// route is a method and path with what answers it.
type route struct {
	method   string
	path     string
	takes    []string // fields of the body, or parameters
	does     string
	open     bool // for everybody, from everywhere
	operator bool // needs Identity.API
	serve    func(c *call) (any, error)
}

// routes returns the table. It is a function because index, which is in it, reads it.
func routes() []route {
	return []route{
		{method: "POST", path: "/api/publish", takes: messageFields, does: "publishes a message; header Idempotency-Key", serve: (*call).publish},
		{method: "POST", path: "/api/batch", takes: []string{"messages"}, does: "publishes several messages; header Idempotency-Key", serve: (*call).batch},
		{method: "GET", path: "/api/history", takes: historyParams, does: "messages of a topic", serve: (*call).history},
		{method: "GET", path: "/api/presence", takes: presenceParams, does: "who is subscribed to a topic", serve: (*call).presence},
		{method: "GET", path: "/api/topics", takes: topicsParams, does: "topics with subscribers or messages, by name", operator: true, serve: (*call).topics},
		{method: "GET", path: "/api/clients", takes: clientsParams, does: "the sessions that lag most", operator: true, serve: (*call).clients},
		{method: "GET", path: "/api/stats", does: "counters", operator: true, serve: (*call).stats},
		{method: "POST", path: "/api/disconnect", takes: disconnectFields, does: "ends the sessions of a user or with a name", operator: true, serve: (*call).disconnect},
		{method: "GET", path: "/api/", does: "lists the routes", open: true, serve: (*call).index},
		{method: "GET", path: "/health", does: "200, or 503 with a reason", open: true, serve: (*call).healthy},
	}
}

// nowhere answers what no route does.
var nowhere = route{open: true, serve: (*call).missing}

func (rt *route) pattern() string {
	if strings.HasSuffix(rt.path, "/") {
		return rt.path + "{$}" // nothing below it
	}
	return rt.path
}

// index lists the routes.
func (c *call) index() (any, error) {
	type line struct {
		Method string   `json:"method"`
		Path   string   `json:"path"`
		Does   string   `json:"does"`
		Takes  []string `json:"takes,omitempty"`
	}
	var lines []line
	for _, rt := range routes() {
		lines = append(lines, line{rt.method, rt.path, rt.does, rt.takes})
	}
	return map[string]any{"routes": lines}, nil
}

// missing tells a wrong path from a wrong method.
func (c *call) missing() (any, error) {
	var allowed []string
	for _, rt := range routes() {
		if rt.path == c.r.URL.Path {
			if allowed = append(allowed, rt.method); rt.method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
	}
	if allowed == nil {
		return nil, &failure{status: http.StatusNotFound, code: protocol.CodeUnexpected, message: "there is no such path, GET /api/ lists those there are"}
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return nil, &failure{
		status: http.StatusMethodNotAllowed, code: protocol.CodeUnexpected,
		message: fmt.Sprintf("%s takes %s", c.r.URL.Path, allow), headers: http.Header{"Allow": {allow}},
	}
}
