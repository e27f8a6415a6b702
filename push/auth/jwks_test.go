package auth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/weir-go/weir/push/auth"
)

func TestJWKS(t *testing.T) {
	path := writeFile(t, "jwks.json", jwks(
		jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "r1"},
		jose.JSONWebKey{Key: otherRSAKey().Public(), KeyID: "r2", Algorithm: "RS256", Use: "sig"},
		jose.JSONWebKey{Key: ecKey().Public(), KeyID: "e1"},
		jose.JSONWebKey{Key: otherECKey().Public(), KeyID: "e2", Use: "enc"},
		jose.JSONWebKey{Key: edKey(), KeyID: "d1"}, // a private key: its public half is used
		jose.JSONWebKey{Key: otherSecret, KeyID: "s1"},
	))
	j := newJWT(t, auth.Options{JWKSFile: path, Secret: secret})
	if s := j.Stats(); s.Keys != 6 {
		t.Errorf("%d keys", s.Keys)
	}
	for _, test := range []struct{ name, token, reason string }{
		{"first", sign(jwt.SigningMethodRS256, rsaKey(), claims(nil), "kid", "r1"), ""},
		{"second", sign(jwt.SigningMethodRS256, otherRSAKey(), claims(nil), "kid", "r2"), ""},
		{"mixed up", sign(jwt.SigningMethodRS256, rsaKey(), claims(nil), "kid", "r2"), "signature"},
		{"unknown", sign(jwt.SigningMethodRS256, rsaKey(), claims(nil), "kid", "r3"), `"r3"`},
		{"no kid, but two keys", sign(jwt.SigningMethodRS256, rsaKey(), claims(nil)), "which key"},
		{"another type's kid", sign(jwt.SigningMethodRS256, rsaKey(), claims(nil), "kid", "e1"), `"e1"`},
		{"EC", sign(jwt.SigningMethodES256, ecKey(), claims(nil), "kid", "e1"), ""},
		{"EC without kid, one key only", sign(jwt.SigningMethodES256, ecKey(), claims(nil)), ""},
		{"for encryption", sign(jwt.SigningMethodES256, otherECKey(), claims(nil), "kid", "e2"), `"e2"`},
		{"Ed25519", sign(jwt.SigningMethodEdDSA, edKey(), claims(nil), "kid", "d1"), ""},
		{"secret of the set", sign(jwt.SigningMethodHS256, otherSecret, claims(nil), "kid", "s1"), ""},
		{"the other secret", sign(jwt.SigningMethodHS256, secret, claims(nil)), ""},
		{"public key for a secret", sign(jwt.SigningMethodHS256, publicPEM(rsaKey()), claims(nil), "kid", "r1"), "signature"},
	} {
		t.Run(test.name, func(t *testing.T) { check(t, j, test.token, test.reason) })
	}
}

func TestJWKSKeysThatAreIgnored(t *testing.T) {
	good := string(jwks(jose.JSONWebKey{Key: ecKey().Public(), KeyID: "good"}))
	good = good[len(`{"keys":[`) : len(good)-2]
	n := base64.RawURLEncoding.EncodeToString(rsaKey().N.Bytes())
	short := base64.RawURLEncoding.EncodeToString(rsaKey().N.Bytes()[:128])
	for _, bad := range []string{
		`{"kty":"XX","kid":"x"}`,
		`{"kty":"RSA","e":"AQAB"}`,
		`{"kty":"RSA","e":"AQAB","n":"` + short + `"}`,
		`{"kty":"RSA","e":"AQAB","n":"` + n + `","alg":"RS512"}`,
		`{"kty":"RSA","e":"AQAB","n":"` + n + `","alg":"HS256"}`,
		`{"kty":"RSA","e":"AQAB","n":"` + n + `","key_ops":["encrypt"]}`,
		`{"kty":"oct","k":"c2hvcnQ"}`,
		`{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`,
		`7`, `null`, `{}`,
	} {
		t.Run(bad, func(t *testing.T) {
			j := newJWT(t, auth.Options{JWKSFile: writeFile(t, "k", []byte(`{"keys":[`+bad+`,`+good+`]}`))})
			check(t, j, sign(jwt.SigningMethodES256, ecKey(), claims(nil), "kid", "good"), "")
			if s := j.Stats(); s.Keys != 1 {
				t.Errorf("%d keys", s.Keys)
			}
		})
	}
	many := jose.JSONWebKeySet{}
	for i := range 101 {
		many.Keys = append(many.Keys, jose.JSONWebKey{Key: ecKey().Public(), KeyID: fmt.Sprint(i)})
	}
	if _, err := auth.New(auth.Options{JWKSFile: writeFile(t, "k", must(json.Marshal(many)))}); err == nil || !strings.Contains(err.Error(), "at most 100") {
		t.Fatal(err)
	}
}

// TestRotation replaces the file of keys while tokens are checked.
func TestRotation(t *testing.T) {
	var logged syncBuffer
	path := writeFile(t, "jwks.json", jwks(jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "1"}))
	j := newJWT(t, auth.Options{JWKSFile: path, Recheck: time.Second, Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	now := time.Now()
	j.SetNow(func() time.Time { return now })
	later := func() { now = now.Add(2 * time.Second) }

	first := sign(jwt.SigningMethodRS256, rsaKey(), claims(nil), "kid", "1")
	second := sign(jwt.SigningMethodES256, ecKey(), claims(nil), "kid", "2")
	check(t, j, first, "")
	check(t, j, second, "no key")

	replaceFile(t, path, jwks(jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "1"}, jose.JSONWebKey{Key: ecKey().Public(), KeyID: "2"}))
	check(t, j, second, "no key") // not looked at yet
	later()
	check(t, j, second, "")
	check(t, j, first, "")

	replaceFile(t, path, jwks(jose.JSONWebKey{Key: ecKey().Public(), KeyID: "2"}))
	later()
	check(t, j, second, "")
	check(t, j, first, "no key")

	// What cannot be used leaves the keys as they are.
	for _, b := range []string{"", "{", `{"keys":[]}`, `{"keys":[{"kty":"XX"}]}`} {
		replaceFile(t, path, []byte(b))
		later()
		check(t, j, second, "")
		later()
		check(t, j, second, "")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	later()
	check(t, j, second, "")
	if s := j.Stats(); s.FileErrors != 9 || s.Keys != 1 {
		t.Errorf("%+v", s)
	}
	if n := strings.Count(logged.String(), "level=ERROR"); n != 3 { // each once, and the same twice in a row
		t.Errorf("%d errors logged:\n%s", n, logged.String())
	}

	replaceFile(t, path, jwks(jose.JSONWebKey{Key: edKey().Public(), KeyID: "3"}))
	later()
	check(t, j, second, "no key")
	check(t, j, sign(jwt.SigningMethodEdDSA, edKey(), claims(nil), "kid", "3"), "")
	if !strings.Contains(logged.String(), "can be used again") {
		t.Error(logged.String())
	}
}

func TestRotationOfPEM(t *testing.T) {
	path := writeFile(t, "key.pem", publicPEM(ecKey()))
	j := newJWT(t, auth.Options{PublicKeyFile: path, Recheck: time.Nanosecond})
	check(t, j, sign(jwt.SigningMethodES256, ecKey(), claims(nil)), "")
	replaceFile(t, path, publicPEM(otherECKey()))
	check(t, j, sign(jwt.SigningMethodES256, otherECKey(), claims(nil)), "")
	check(t, j, sign(jwt.SigningMethodES256, ecKey(), claims(nil)), "signature")
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	set := func(i int) []byte {
		return jwks(jose.JSONWebKey{Key: ecKey().Public(), KeyID: "1"}, jose.JSONWebKey{Key: edKey().Public(), KeyID: fmt.Sprint(i)})
	}
	keys := writeFile(t, "jwks.json", set(0))
	list := writeFile(t, "revoked", nil)
	j := newJWT(t, auth.Options{JWKSFile: keys, RevocationFile: list, Recheck: time.Nanosecond})
	good := sign(jwt.SigningMethodES256, ecKey(), claims(jwt.MapClaims{"jti": "good"}), "kid", "1")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				if _, err := j.Authenticate(good); err != nil {
					t.Error(err)
					return
				}
				j.Stats()
			}
		})
	}
	for i := range 50 {
		replaceFile(t, keys, set(i))
		replaceFile(t, list, fmt.Appendf(nil, "bad-%d\n", i))
		if err := j.Revoke(fmt.Sprint(i), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
