package main

import (
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/auth"
	"github.com/weir-go/weir/push/console"
	"github.com/weir-go/weir/push/js"
	"github.com/weir-go/weir/push/metrics"
	"github.com/weir-go/weir/web"
)

type tracer = trace.Tracer

// routes is what is served by HTTP. tokens is nil if nobody needs one.
func (o *options) routes(p *push.Server, tokens *auth.JWT, ws *web.WebSocket, transports map[string]func() weir.Stats, t tracer) http.Handler {
	c := api.Options{MaxBody: int64(max(512<<10, 6*o.maxMessage+8<<10)), Tracer: t, Logger: o.server.Logger}
	if tokens != nil {
		c.Auth = tokens
		c.Revoke = func(user string) error { return tokens.RevokeUser(user, time.Time{}) }
	}
	if o.insecure {
		c.Hosts = []string{"*"}
	}
	operation := api.New(p, c)
	figures := metrics.Handler(p, transports, metrics.API(operation))
	if tokens != nil {
		figures = operatorsOnly(tokens, metrics.Handler(p, transports, metrics.API(operation), metrics.Auth(tokens)))
	}

	mux := http.NewServeMux()
	mux.Handle("/", console.Handler())
	mux.Handle("/push.js", js.Handler())
	mux.Handle("/ws", ws)
	mux.Handle("/api/", operation)
	mux.Handle("/health", operation)
	mux.Handle("/metrics", figures)
	if tokens == nil && !o.insecure {
		return localOnly(mux)
	}
	return mux
}

// operatorsOnly asks for a token that allows the operator's requests.
func operatorsOnly(tokens push.Authenticator, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			token = ""
		}
		switch who, err := tokens.Authenticate(token); {
		case err != nil:
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a token is needed", http.StatusUnauthorized)
		case !who.API:
			http.Error(w, "the token does not have the claim api", http.StatusForbidden)
		default:
			h.ServeHTTP(w, r)
		}
	})
}
