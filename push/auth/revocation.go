package auth

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ErrTooMany is wrapped by the errors of Revoke and RevokeUser when MaxRevoked tokens
// and users are revoked already.
var ErrTooMany = errors.New("auth: too many revocations")

// maxID is the size in bytes of the longest jti that can be revoked.
const maxID = 1024

// revocations are those of calls, which are forgotten when the tokens have expired
// anyway, and those of the file.
type revocations struct {
	max     int
	refused atomic.Uint64
	file    atomic.Pointer[map[string]struct{}]

	mu    sync.RWMutex
	ids   map[string]time.Time // jti, until when; zero: for ever
	users map[string]cutoff
}

// cutoff: tokens of a user that were not issued later are revoked.
type cutoff struct{ issued, until time.Time }

// Revoke has the token with an id (jti) refused, with push.ErrRevoked, from now on until
// it expires, until being its "exp"; the zero time is for ever. Connections that were
// admitted with the token stay: end them by push.Server.Disconnect. The list is lost
// when the process ends; Options.RevocationFile is not.
func (j *JWT) Revoke(id string, until time.Time) error {
	if id == "" || len(id) > maxID {
		j.revoked.refused.Add(1)
		return fmt.Errorf("auth: a jti to revoke has 1 to %d bytes, not %d", maxID, len(id))
	}
	return j.revoked.add(j.now().Add(-j.o.Leeway), func(r *revocations) { r.ids[id] = until })
}

// RevokeUser is Revoke for all tokens of a user that were issued up to now ("iat", in
// seconds; or do not say when). The user may come back with a token that is issued in a
// second after this one. until is the time by which the latest of the tokens has
// expired.
func (j *JWT) RevokeUser(user string, until time.Time) error {
	if user == "" || len(user) > j.o.MaxTopic {
		j.revoked.refused.Add(1)
		return fmt.Errorf("auth: a user to revoke has 1 to %d bytes, not %d", j.o.MaxTopic, len(user))
	}
	now := j.now()
	return j.revoked.add(now.Add(-j.o.Leeway), func(r *revocations) { r.users[user] = cutoff{now, until} })
}

func (r *revocations) add(now time.Time, add func(r *revocations)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids == nil {
		r.ids, r.users = make(map[string]time.Time), make(map[string]cutoff)
	}
	if len(r.ids)+len(r.users) >= r.max {
		maps.DeleteFunc(r.ids, func(_ string, until time.Time) bool { return over(until, now) })
		maps.DeleteFunc(r.users, func(_ string, c cutoff) bool { return over(c.until, now) })
	}
	if len(r.ids)+len(r.users) >= r.max {
		r.refused.Add(1)
		return fmt.Errorf("%w: there are %d", ErrTooMany, r.max)
	}
	add(r)
	return nil
}

// over reports whether a token that expires at until is refused because of that.
func over(until, now time.Time) bool { return !until.IsZero() && !now.Before(until) }

func (r *revocations) has(c *wireClaims, now time.Time) bool {
	if file := r.file.Load(); file != nil && c.ID != "" {
		if _, ok := (*file)[c.ID]; ok {
			return true
		}
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if until, ok := r.ids[c.ID]; ok && !over(until, now) {
		return true
	}
	cut, ok := r.users[c.Subject]
	return ok && !over(cut.until, now) && (c.IssuedAt == nil || !c.IssuedAt.After(cut.issued))
}

func (r *revocations) len() int {
	n := 0
	if file := r.file.Load(); file != nil {
		n = len(*file)
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return n + len(r.ids) + len(r.users)
}

// load takes the lines of RevocationFile. Too many are refused as a whole, because it
// could not be said which of them to forget.
func (r *revocations) load(b []byte) error {
	ids := make(map[string]struct{})
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) > maxID {
			return fmt.Errorf("a jti of %d bytes, at most %d are allowed", len(line), maxID)
		}
		if ids[line] = struct{}{}; len(ids) > r.max {
			return fmt.Errorf("%w: more than %d", ErrTooMany, r.max)
		}
	}
	r.file.Store(&ids)
	return nil
}
