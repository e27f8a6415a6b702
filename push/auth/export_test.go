package auth

import "time"

// SetNow replaces the clock.
func (j *JWT) SetNow(now func() time.Time) { j.now = now }
