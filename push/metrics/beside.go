package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/auth"
)

// apiFamilies are what api.Stats has.
var apiFamilies = []family[api.Stats]{
	counter("api_requests_total", "Requests of the HTTP API.", func(s *api.Stats) uint64 { return s.Requests }),
	several(prometheus.CounterValue, "api_refused_total", "Requests, and messages of batches, refused by the HTTP API, by why.", []string{"cause"},
		func(s *api.Stats, add func(float64, ...string)) {
			add(float64(s.Unauthorized), "unauthorized")
			add(float64(s.Forbidden), "forbidden")
			add(float64(s.TooLarge), "too_large")
			add(float64(s.Failed), "failed")
		}),
	gauge("api_keys", "Idempotency keys of messages of QoS 0 remembered now.", func(s *api.Stats) int { return s.Keys }),
	counter("api_keys_dropped_total", "Such keys forgotten before their time.", func(s *api.Stats) uint64 { return s.KeysDropped }),
}

// authFamilies are what auth.Stats has.
var authFamilies = []family[auth.Stats]{
	several(prometheus.CounterValue, "auth_tokens_total", "Tokens checked, by result.", []string{"result"},
		func(s *auth.Stats, add func(float64, ...string)) {
			add(float64(s.Accepted), "accepted")
			add(float64(s.Expired), "expired")
			add(float64(s.Revoked), "revoked")
			add(float64(s.TooLong), "too_long")
			add(float64(s.Invalid), "invalid")
		}),
	gauge("auth_keys", "Keys that verify tokens now.", func(s *auth.Stats) int { return s.Keys }),
	gauge("auth_revocations", "Tokens and users revoked now.", func(s *auth.Stats) int { return s.Revocations }),
	counter("auth_revocations_refused_total", "Revocations that were refused.", func(s *auth.Stats) uint64 { return s.RevokeRefused }),
	counter("auth_file_errors_total", "Times that a file of keys or revocations could not be used.", func(s *auth.Stats) uint64 { return s.FileErrors }),
}
