package api

import "time"

// Unhealthy returns what is wrong with the server at a time, or "".
func (h *Handler) Unhealthy(now time.Time) string { return h.health.check(h.server, now) }
