package client

import "time"

const (
	backoffBase = time.Second
	backoffMax  = 30 * time.Second

	// backoffReset is how long a connection has to hold for the waiting to begin
	// anew with backoffBase.
	backoffReset = backoffMax
)

// backoff returns a random part of the time that belongs to an attempt, 0 being the
// first: full jitter, so that clients which have lost their connections together do
// not come back together. random is in [0, 1).
func backoff(attempt int, random float64) time.Duration {
	d := backoffMax
	if attempt < 5 {
		d = min(d, backoffBase<<attempt)
	}
	return time.Duration(random * float64(d))
}
