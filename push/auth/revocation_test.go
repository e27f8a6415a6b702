package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/auth"
)

func TestRevocation(t *testing.T) {
	path := writeFile(t, "revoked", []byte("# jti\n\nfile-1\n  file-2\r\nfile-3"))
	j := newJWT(t, auth.Options{Secret: secret, RevocationFile: path, Recheck: time.Nanosecond, MaxRevoked: 4})
	now := time.Now().Truncate(time.Second)
	tick := time.Duration(0)
	j.SetNow(func() time.Time { tick++; return now.Add(tick) })
	expires := now.Add(time.Hour)
	token := func(user, id string, issued time.Time) string {
		return must(auth.Token(secret, auth.Claims{User: user, ID: id, Expires: expires.Add(time.Hour), IssuedAt: issued}))
	}
	refused := func(token string, want bool) {
		t.Helper()
		if _, err := j.Authenticate(token); errors.Is(err, push.ErrRevoked) != want || !want && err != nil {
			t.Fatalf("%v, refused should be %v", err, want)
		}
	}
	for id, want := range map[string]bool{"file-1": true, "file-2": true, "file-3": true, "file": false, "": false, "# jti": false, "a": false} {
		refused(token("ada", id, now), want)
	}
	if err := j.Revoke("a", expires); err != nil {
		t.Fatal(err)
	}
	refused(token("ada", "a", now), true)
	refused(token("ada", "b", now), false)

	if err := j.RevokeUser("ada", expires); err != nil {
		t.Fatal(err)
	}
	refused(token("ada", "b", now), true)
	refused(token("ada", "", now.Add(-time.Minute)), true)
	refused(sign(jwt.SigningMethodHS256, secret, claims(jwt.MapClaims{"iat": nil})), true)
	refused(token("bob", "b", now), false)
	now = now.Add(time.Second)
	refused(token("ada", "b", now), false)

	replaceFile(t, path, []byte("file-1\n"))
	refused(token("bob", "file-2", now), false)
	refused(token("bob", "file-1", now), true)
	replaceFile(t, path, []byte("1\n2\n3\n4\n5\n"))
	refused(token("bob", "file-1", now), true) // too many: what there was holds on
	refused(token("bob", "5", now), false)

	// The list is full, until something in it has expired.
	for _, id := range []string{"c", "d"} {
		if err := j.Revoke(id, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Revoke("e", time.Time{}); !errors.Is(err, auth.ErrTooMany) {
		t.Fatal(err)
	}
	refused(token("bob", "e", now), false)
	for _, bad := range []string{"", strings.Repeat("x", 1025)} {
		if err := j.Revoke(bad, time.Time{}); err == nil {
			t.Fatal("revoked")
		}
	}
	if s := j.Stats(); s.Revocations != 5 || s.RevokeRefused != 3 || s.FileErrors == 0 || s.Revoked == 0 {
		t.Errorf("%+v", s)
	}
	now = expires.Add(9 * time.Second)
	refused(token("bob", "a", now), true) // within the leeway
	now = now.Add(2 * time.Second)
	if err := j.Revoke("e", time.Time{}); err != nil {
		t.Fatal(err)
	}
	refused(token("bob", "e", now), true)
	refused(token("bob", "c", now), true)
	if s := j.Stats(); s.Revocations != 4 {
		t.Errorf("%+v", s)
	}
}
