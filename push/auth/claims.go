package auth

import (
	"fmt"
	"time"

	josejson "github.com/go-jose/go-jose/v4/json"
	"github.com/golang-jwt/jwt/v5"
)

// Claims are what Token puts into a token.
type Claims struct {
	User      string    // "sub"
	Publish   []string  // filters; nil leaves the claim out, so that Options.Defaults hold
	Subscribe []string  // the same
	API       bool      // false leaves it out
	Expires   time.Time // "exp"; the zero time leaves it out, as it does with the next two
	NotBefore time.Time // "nbf"
	IssuedAt  time.Time // "iat"; zero: now
	ID        string    // "jti"
	Issuer    string    // "iss"
	Audience  string    // "aud"
}

// Token returns a token of HS256, for examples, tests and command lines. The secret has
// 32 bytes or more. Times are rounded down to seconds.
func Token(secret []byte, c Claims) (string, error) {
	if err := checkSecret(secret); err != nil {
		return "", fmt.Errorf("auth: secret: %w", err)
	}
	if c.IssuedAt.IsZero() {
		c.IssuedAt = time.Now()
	}
	w := wireClaims{Publish: c.Publish, Subscribe: c.Subscribe, API: c.API}
	w.Subject, w.ID, w.Issuer = c.User, c.ID, c.Issuer
	w.ExpiresAt, w.NotBefore, w.IssuedAt = date(c.Expires), date(c.NotBefore), date(c.IssuedAt)
	if c.Audience != "" {
		w.Audience = jwt.ClaimStrings{c.Audience}
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, w).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("auth: %w", err)
	}
	return token, nil
}

func date(t time.Time) *jwt.NumericDate {
	if t.IsZero() {
		return nil
	}
	return jwt.NewNumericDate(t)
}

// wireClaims are the claims of a token as JSON. Lists are nil where the claim is missing
// only: null is an empty list, which allows nothing.
type wireClaims struct {
	jwt.RegisteredClaims
	Publish   []string `json:"publish,omitzero"`
	Subscribe []string `json:"subscribe,omitzero"`
	API       bool     `json:"api,omitempty"`
}

// UnmarshalJSON is strict where package encoding/json is not: the case of names counts,
// and none may come twice. An issuer that copies a user's own claims does not give away
// "API" then.
func (c *wireClaims) UnmarshalJSON(b []byte) error {
	type plain wireClaims
	if err := josejson.Unmarshal(b, (*plain)(c)); err != nil {
		return err
	}
	if c.Publish != nil && c.Subscribe != nil {
		return nil
	}
	var there map[string]any
	if err := josejson.Unmarshal(b, &there); err != nil {
		return err
	}
	for name, list := range map[string]*[]string{"publish": &c.Publish, "subscribe": &c.Subscribe} {
		if _, null := there[name]; null && *list == nil {
			*list = []string{}
		}
	}
	return nil
}
