package auth_test

import (
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/auth"
)

func TestTimes(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for _, test := range []struct {
		name   string
		change jwt.MapClaims
		o      auth.Options
		reason string // "": good, "expired": push.ErrExpired
	}{
		{"good", jwt.MapClaims{"exp": at(time.Minute)}, auth.Options{}, ""},
		{"expired", jwt.MapClaims{"exp": at(-time.Minute)}, auth.Options{}, "expired"},
		{"just within the leeway", jwt.MapClaims{"exp": at(-9 * time.Second)}, auth.Options{}, ""},
		{"just beyond it", jwt.MapClaims{"exp": at(-10 * time.Second)}, auth.Options{}, "expired"},
		{"no leeway", jwt.MapClaims{"exp": at(0)}, auth.Options{Leeway: -1}, "expired"},
		{"more leeway", jwt.MapClaims{"exp": at(-time.Minute)}, auth.Options{Leeway: time.Hour}, ""},
		{"no exp", jwt.MapClaims{"exp": nil}, auth.Options{}, "missing"},
		{"no exp allowed", jwt.MapClaims{"exp": nil}, auth.Options{AllowNoExpiry: true}, ""},
		{"expired all the same", jwt.MapClaims{"exp": at(-time.Minute)}, auth.Options{AllowNoExpiry: true}, "expired"},
		{"exp is null", jwt.MapClaims{"exp": jwtNull{}}, auth.Options{}, "missing"},
		{"exp is a string", jwt.MapClaims{"exp": "tomorrow"}, auth.Options{}, "wrong type"},
		{"exp is huge", jwt.MapClaims{"exp": 1e300}, auth.Options{}, "any"},
		{"exp overflows a duration", jwt.MapClaims{"exp": 1e17}, auth.Options{}, "any"},
		{"exp is before all time", jwt.MapClaims{"exp": -1e300}, auth.Options{}, "any"},
		{"nbf", jwt.MapClaims{"nbf": at(-time.Minute)}, auth.Options{}, ""},
		{"not yet", jwt.MapClaims{"nbf": at(time.Minute)}, auth.Options{}, "nbf"},
		{"not yet, within the leeway", jwt.MapClaims{"nbf": at(5 * time.Second)}, auth.Options{}, ""},
		{"from the future", jwt.MapClaims{"iat": at(time.Minute)}, auth.Options{}, "iat"},
		{"no iat", jwt.MapClaims{"iat": nil}, auth.Options{}, ""},
		{"expired and for another", jwt.MapClaims{"exp": at(-time.Minute), "aud": "x"}, auth.Options{Audience: "push"}, "aud"},

		{"aud", jwt.MapClaims{"aud": "push"}, auth.Options{Audience: "push"}, ""},
		{"one aud of several", jwt.MapClaims{"aud": []string{"web", "push"}}, auth.Options{Audience: "push"}, ""},
		{"wrong aud", jwt.MapClaims{"aud": "web"}, auth.Options{Audience: "push"}, "aud"},
		{"no aud", nil, auth.Options{Audience: "push"}, "aud"},
		{"aud nobody asks for", jwt.MapClaims{"aud": "web"}, auth.Options{}, ""},
		{"iss", jwt.MapClaims{"iss": "id.example"}, auth.Options{Issuer: "id.example"}, ""},
		{"wrong iss", jwt.MapClaims{"iss": "id.example.evil"}, auth.Options{Issuer: "id.example"}, "iss"},
		{"no iss", nil, auth.Options{Issuer: "id.example"}, "iss"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.o.Secret = secret
			j := newJWT(t, test.o)
			j.SetNow(func() time.Time { return now })
			c := jwt.MapClaims{"sub": "ada", "iat": at(-time.Minute), "exp": at(time.Minute)}
			for k, v := range test.change {
				if c[k] = v; v == nil {
					delete(c, k)
				}
			}
			token := sign(jwt.SigningMethodHS256, secret, c)
			if test.reason == "any" { // it depends on how the machine converts such numbers
				if id, err := j.Authenticate(token); err == nil {
					t.Fatalf("accepted: %+v", id)
				}
			} else if test.reason != "expired" {
				check(t, j, token, test.reason)
			} else if _, err := j.Authenticate(token); !errors.Is(err, push.ErrExpired) || errors.Is(err, auth.ErrInvalid) {
				t.Fatalf("%v instead of ErrExpired", err)
			}
			// A wrong key tells nothing of what is in the token.
			check(t, j, sign(jwt.SigningMethodHS256, otherSecret, c), map[bool]string{
				true: "wrong type", false: "signature"}[test.reason == "wrong type"])
		})
	}
}

type jwtNull struct{}

func (jwtNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func TestRights(t *testing.T) {
	defaults := auth.Grant{Publish: []string{"in/{user}"}, Subscribe: []string{"user/{user}/#", "news/+", "{user}/x"}, API: true}
	none := []string{}
	for _, test := range []struct {
		name   string
		change jwt.MapClaims
		want   push.Identity
	}{
		{"claims", jwt.MapClaims{"publish": []string{"a/b", "c/#"}, "subscribe": []string{"+/d"}, "api": true},
			push.Identity{User: "ada", Publish: []string{"a/b", "c/#"}, Subscribe: []string{"+/d"}, API: true}},
		{"empty claims", jwt.MapClaims{"publish": none, "subscribe": none},
			push.Identity{User: "ada", Publish: none, Subscribe: none}},
		{"null", jwt.MapClaims{"publish": jwtNull{}, "subscribe": jwtNull{}},
			push.Identity{User: "ada", Publish: none, Subscribe: none}},
		{"defaults", nil,
			push.Identity{User: "ada", Publish: []string{"in/ada"}, Subscribe: []string{"user/ada/#", "news/+", "ada/x"}}},
		{"one claim, one default", jwt.MapClaims{"publish": []string{"a"}},
			push.Identity{User: "ada", Publish: []string{"a"}, Subscribe: []string{"user/ada/#", "news/+", "ada/x"}}},
		{"the template is no claim's", jwt.MapClaims{"publish": []string{"{user}"}, "subscribe": none},
			push.Identity{User: "ada", Publish: []string{"{user}"}, Subscribe: none}},
		{"names have their case", jwt.MapClaims{"API": true, "Publish": []string{"#"}, "subscribe": none},
			push.Identity{User: "ada", Publish: []string{"in/ada"}, Subscribe: none}},
		{"a wildcard for a user", jwt.MapClaims{"sub": "#"},
			push.Identity{User: "#", Publish: none, Subscribe: []string{"news/+"}}},
		{"a wildcard level for a user", jwt.MapClaims{"sub": "+"},
			push.Identity{User: "+", Publish: none, Subscribe: []string{"news/+"}}},
		{"levels for a user", jwt.MapClaims{"sub": "ada/x"},
			push.Identity{User: "ada/x", Publish: none, Subscribe: []string{"news/+"}}},
		{"the server's topics", jwt.MapClaims{"sub": "$weir"},
			push.Identity{User: "$weir", Publish: []string{"in/$weir"}, Subscribe: []string{"user/$weir/#", "news/+"}}},
		{"nobody", jwt.MapClaims{"sub": nil},
			push.Identity{Publish: none, Subscribe: []string{"news/+"}}},
		{"a long name", jwt.MapClaims{"sub": strings.Repeat("x", 252)},
			push.Identity{User: strings.Repeat("x", 252), Publish: []string{"in/" + strings.Repeat("x", 252)}, Subscribe: []string{"news/+", strings.Repeat("x", 252) + "/x"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJWT(t, auth.Options{Secret: secret, Defaults: defaults})
			c := claims(test.change)
			id, err := j.Authenticate(sign(jwt.SigningMethodHS256, secret, c))
			if err != nil {
				t.Fatal(err)
			}
			test.want.Expires = time.Unix(c["exp"].(int64), 0).Add(10 * time.Second)
			if !id.Expires.Equal(test.want.Expires) {
				t.Errorf("expires %v instead of %v", id.Expires, test.want.Expires)
			}
			id.Expires = test.want.Expires
			if !reflect.DeepEqual(*id, test.want) {
				t.Errorf("%+v\ninstead of\n%+v", *id, test.want)
			}
		})
	}
}

func TestClaimsThatAreRefused(t *testing.T) {
	j := newJWT(t, auth.Options{Secret: secret, MaxToken: 4096})
	for _, test := range []struct {
		name   string
		change jwt.MapClaims
		reason string
	}{
		{"filter", jwt.MapClaims{"publish": []string{"ok", "a/#/b"}}, "publish"},
		{"empty filter", jwt.MapClaims{"subscribe": []string{""}}, "subscribe"},
		{"long filter", jwt.MapClaims{"subscribe": []string{strings.Repeat("a", 256)}}, "subscribe"},
		{"filters are a string", jwt.MapClaims{"publish": "#"}, "wrong type"},
		{"a filter is a number", jwt.MapClaims{"publish": []any{1}}, "wrong type"},
		{"api is a string", jwt.MapClaims{"api": "true"}, "wrong type"},
		{"sub is a number", jwt.MapClaims{"sub": 7}, "wrong type"},
		{"long sub", jwt.MapClaims{"sub": strings.Repeat("x", 256)}, "sub"},
		{"NUL", jwt.MapClaims{"sub": "ada\x00session"}, "sub"},
		{"huge", jwt.MapClaims{"x": strings.Repeat("x", 4096)}, "at most 4096"},
	} {
		t.Run(test.name, func(t *testing.T) {
			check(t, j, sign(jwt.SigningMethodHS256, secret, claims(test.change)), test.reason)
		})
	}
	twice := rawToken(t, `{"sub":"ada","exp":9999999999,"exp":1}`)
	check(t, j, twice, "not a JWT")
	check(t, j, strings.Repeat("a", 100<<20), "at most 4096")
	check(t, j, "", "there is none")
	if s := j.Stats(); s.TooLong != 2 || s.Accepted != 0 || s.Invalid != 11 || s.Keys != 1 {
		t.Errorf("%+v", s)
	}
}

// rawToken signs claims as they stand.
func rawToken(t *testing.T, claims string) string {
	t.Helper()
	enc := base64.RawURLEncoding.EncodeToString
	text := enc([]byte(`{"alg":"HS256"}`)) + "." + enc([]byte(claims))
	sig, err := jwt.SigningMethodHS256.Sign(text, secret)
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + enc(sig)
}

func TestAnonymous(t *testing.T) {
	j := newJWT(t, auth.Options{Anonymous: &auth.Grant{Subscribe: []string{"news/#"}}})
	id, err := j.Authenticate("")
	if err != nil || id.User != "" || len(id.Publish) != 0 || id.API || !reflect.DeepEqual(id.Subscribe, []string{"news/#"}) {
		t.Fatalf("%+v, %v", id, err)
	}
	check(t, j, sign(jwt.SigningMethodHS256, secret, claims(nil)), "no key")
}

func TestToken(t *testing.T) {
	if _, err := auth.Token(secret[:8], auth.Claims{User: "ada"}); err == nil || !strings.Contains(err.Error(), "8 bytes") {
		t.Fatal(err)
	}
	expires := time.Now().Add(time.Hour)
	token, err := auth.Token(secret, auth.Claims{User: "ada", Publish: []string{}, Subscribe: []string{"#"}, API: true,
		Expires: expires, NotBefore: time.Now().Add(-time.Minute), ID: "7", Issuer: "me", Audience: "push"})
	if err != nil {
		t.Fatal(err)
	}
	j := newJWT(t, auth.Options{Secret: secret, Issuer: "me", Audience: "push", Leeway: -1, Defaults: auth.Grant{Publish: []string{"#"}}})
	id := check(t, j, token, "")
	if len(id.Publish) != 0 || len(id.Subscribe) != 1 || !id.API || id.Expires.Unix() != expires.Unix() {
		t.Fatalf("%+v", id)
	}
	if err := j.Revoke("7", expires); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Authenticate(token); !errors.Is(err, push.ErrRevoked) {
		t.Fatal(err)
	}
}
