package api

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// everybody is the caller where there is no Authenticator.
var everybody = &push.Identity{Publish: []string{"#"}, Subscribe: []string{"#", "$weir/#"}, API: true}

// anonymous is the publisher that callers without a name share. A session's publisher
// has a NUL in it, and so no user is taken for one.
const anonymous = "anonymous"

// caller returns who a request is from.
func (h *Handler) caller(r *http.Request) (*push.Identity, error) {
	if h.o.Auth == nil {
		return everybody, nil
	}
	token := ""
	if a := r.Header.Get("Authorization"); a != "" {
		scheme, rest, _ := strings.Cut(a, " ")
		if token = strings.TrimSpace(rest); !strings.EqualFold(scheme, "Bearer") || token == "" {
			return nil, &failure{status: http.StatusUnauthorized, code: protocol.CodeUnauthorized, message: "Authorization has to be Bearer and a token"}
		}
	}
	who, err := h.o.Auth.Authenticate(token)
	if err == nil {
		return who, nil
	}
	f := &failure{status: http.StatusUnauthorized, code: protocol.CodeUnauthorized, message: "the token is not valid", err: err}
	switch {
	case errors.Is(err, push.ErrExpired):
		f.code, f.message = protocol.CodeExpired, "the token has expired"
	case errors.Is(err, push.ErrRevoked):
		f.code, f.message = protocol.CodeRevoked, "the token was revoked"
	case token == "":
		f.message, f.err = "a token is required: Authorization: Bearer", nil
	}
	return nil, f
}

// publisher is whom duplicates are told for.
func (c *call) publisher() string {
	if c.who.User == "" {
		return anonymous
	}
	return c.who.User
}

// mayPublish checks a topic, and the right to publish to it.
func (c *call) mayPublish(name string) error {
	if err := c.checkTopic(name); err != nil {
		return err
	}
	if strings.HasPrefix(name, "$") {
		return forbidden("topics that begin with $ are the server's")
	}
	if !covered(c.who.Publish, name) {
		return forbidden("the token does not allow to publish to %s", name)
	}
	return nil
}

// maySubscribe checks a topic, and the right to know of it.
func (c *call) maySubscribe(name string) error {
	if err := c.checkTopic(name); err != nil {
		return err
	}
	if !covered(c.who.Subscribe, name) {
		return forbidden("the token does not allow to subscribe to %s", name)
	}
	return nil
}

func (c *call) checkTopic(name string) error {
	if name == "" {
		return &failure{status: http.StatusBadRequest, code: protocol.CodeTopic, message: "topic is missing"}
	}
	if err := topic.Check(name, c.o.MaxTopic); err != nil {
		return &failure{status: http.StatusBadRequest, code: protocol.CodeTopic, message: err.Error(), err: err}
	}
	return nil
}

func covered(granted []string, name string) bool {
	return slices.ContainsFunc(granted, func(g string) bool { return topic.Covers(g, name) })
}

// checkSite refuses what another site's page has its visitor's browser send. A browser
// cannot be kept from sending it, only from reading the response.
func (h *Handler) checkSite(r *http.Request) error {
	if !h.hostAllowed(r.Host) {
		return forbidden("the Host %.80q is not one that is served here", r.Host)
	}
	probe := *r
	if r.Header.Get("Origin") != "" {
		probe.Method = http.MethodPost // reading is refused, too
	}
	if err := h.sites.Check(&probe); err != nil {
		return &failure{status: http.StatusForbidden, code: protocol.CodeForbidden, message: "pages of other origins may not use this API", err: err}
	}
	return nil
}

// hostAllowed reports whether a request may name a host. Only names can be pointed at
// an address that is not their owner's.
func (h *Handler) hostAllowed(host string) bool {
	if h.o.Hosts == nil && h.o.Auth != nil || host == "" { // every browser names one
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	return slices.ContainsFunc(h.o.Hosts, func(name string) bool {
		return name == "*" || strings.EqualFold(strings.TrimSuffix(name, "."), host)
	})
}
