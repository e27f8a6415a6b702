package auth_test

import (
	"encoding/base64"
	"errors"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/auth"
	"github.com/weir-go/weir/push/topic"
)

// FuzzClaims signs any header and claims: what is accepted has valid filters, and a name
// that fits into a session's key.
func FuzzClaims(f *testing.F) {
	for _, s := range [][2]string{
		{`{"alg":"HS256"}`, `{"sub":"ada","exp":9999999999,"publish":["a/+/#"],"subscribe":null,"api":true}`},
		{`{"alg":"HS256","kid":"1","typ":"JWT"}`, `{"sub":"","exp":1e9,"nbf":1,"iat":-1,"aud":["x"],"iss":"y","jti":"z"}`},
		{`{"alg":"none"}`, `{"exp":9999999999,"publish":[""]}`},
		{`{"alg":"HS256","crit":[]}`, `{"exp":99999999999999999999,"sub":"\u0000"}`},
		{`[]`, `{"exp":9999999999,"publish":{},"Exp":0}`},
	} {
		f.Add(s[0], s[1])
	}
	j := newJWT(f, auth.Options{Secret: secret, Defaults: auth.Grant{Publish: []string{"u/{user}/#", "{user}"}}})
	enc := base64.RawURLEncoding.EncodeToString
	f.Fuzz(func(t *testing.T, header, claims string) {
		text := enc([]byte(header)) + "." + enc([]byte(claims))
		token := text + "." + enc(must(jwt.SigningMethodHS256.Sign(text, secret)))
		id, err := j.Authenticate(token)
		if err != nil {
			if !errors.Is(err, auth.ErrInvalid) && !errors.Is(err, push.ErrExpired) {
				t.Fatalf("%v", err)
			}
			return
		}
		if id.Expires.IsZero() {
			t.Fatal("it never expires")
		}
		for _, list := range [][]string{id.Publish, id.Subscribe} {
			for _, f := range list {
				if err := topic.CheckFilter(f, 255); err != nil {
					t.Fatal(err)
				}
				if topic.Covers(f, "#") && len(id.User) > 0 && f != "#" {
					t.Fatalf("%q covers everything", f)
				}
			}
		}
		if len(id.User) > 255 {
			t.Fatal(id.User)
		}
	})
}
