package auth

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/weir-go/weir/push"
)

// ErrInvalid is wrapped by the errors of Authenticate that do not wrap push.ErrExpired
// or push.ErrRevoked. What they say is fit to be told to the client.
var ErrInvalid = errors.New("auth: the token is not valid")

// JWT is a push.Authenticator. Its methods may be called from any goroutine.
type JWT struct {
	o         Options
	parser    *jwt.Parser
	now       func() time.Time
	anonymous *push.Identity

	secret []key
	pem    keys
	jwks   keys
	files  []*watched

	revoked revocations

	accepted, expired, refusedRevoked, invalid, tooLong atomic.Uint64
}

// Stats are the counters of a JWT, from the start on unless they say "now".
type Stats struct {
	Accepted uint64 // tokens
	Expired  uint64 // refused because of their age
	Revoked  uint64 // refused because they were revoked
	TooLong  uint64 // refused because of MaxToken
	Invalid  uint64 // refused for other reasons

	Keys          int    // now
	Revocations   int    // now, those of the file included
	RevokeRefused uint64 // calls of Revoke and RevokeUser that have failed
	FileErrors    uint64 // times that a file could not be read or used
}

// New reads the files and returns a JWT, or says which option cannot be used, and why.
func New(o Options) (*JWT, error) {
	o = o.withDefaults()
	j := &JWT{o: o, now: time.Now}
	if len(o.Secret) > 0 {
		if err := checkSecret(o.Secret); err != nil {
			return nil, fmt.Errorf("auth: Secret: %w", err)
		}
		j.secret = []key{{alg: jwt.SigningMethodHS256.Alg(), verifier: append([]byte(nil), o.Secret...)}}
	} else if o.PublicKeyFile == "" && o.JWKSFile == "" && o.Anonymous == nil {
		return nil, errors.New("auth: no key: one of Secret, PublicKeyFile and JWKSFile is required")
	}
	if err := o.checkGrants(); err != nil {
		return nil, err
	}
	if o.Anonymous != nil {
		j.anonymous = &push.Identity{
			Publish:   append([]string(nil), o.Anonymous.Publish...),
			Subscribe: append([]string(nil), o.Anonymous.Subscribe...),
			API:       o.Anonymous.API,
		}
	}
	j.revoked.max = o.MaxRevoked
	for _, f := range []struct {
		option, path string
		load         func([]byte) error
		max          int64
	}{
		{"PublicKeyFile", o.PublicKeyFile, j.loadPEM, 1 << 20},
		{"JWKSFile", o.JWKSFile, j.loadJWKS, 1 << 20},
		{"RevocationFile", o.RevocationFile, j.revoked.load, 256 * int64(o.MaxRevoked)},
	} {
		if f.path == "" {
			continue
		}
		w := &watched{path: f.path, load: f.load, max: f.max, every: o.Recheck, logger: o.Logger}
		if err := w.read(); err != nil {
			return nil, fmt.Errorf("auth: %s: %w", f.option, err)
		}
		j.files = append(j.files, w)
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(algorithms),
		jwt.WithLeeway(o.Leeway),
		jwt.WithIssuedAt(),
		jwt.WithStrictDecoding(), // one way only to write a token
		jwt.WithTimeFunc(func() time.Time { return j.now() }),
	}
	if !o.AllowNoExpiry {
		options = append(options, jwt.WithExpirationRequired())
	}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	j.parser = jwt.NewParser(options...)
	return j, nil
}

// Authenticate implements push.Authenticator. It reads files now and then, so it may
// block, shortly.
func (j *JWT) Authenticate(token string) (*push.Identity, error) {
	id, err := j.authenticate(token)
	switch {
	case err == nil:
		j.accepted.Add(1)
	case errors.Is(err, push.ErrExpired):
		j.expired.Add(1)
	case errors.Is(err, push.ErrRevoked):
		j.refusedRevoked.Add(1)
	case len(token) > j.o.MaxToken:
		j.tooLong.Add(1)
	default:
		j.invalid.Add(1)
	}
	return id, err
}

func (j *JWT) authenticate(token string) (*push.Identity, error) {
	switch {
	case token == "" && j.anonymous != nil:
		return j.anonymous, nil
	case token == "":
		return nil, fmt.Errorf("%w: there is none", ErrInvalid)
	case len(token) > j.o.MaxToken:
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are read", ErrInvalid, len(token), j.o.MaxToken)
	case strings.ContainsAny(token, "\r\n"): // which package base64 skips
		return nil, fmt.Errorf("%w: it is not a JWT", ErrInvalid)
	}
	now := j.now()
	for _, f := range j.files {
		f.check(now)
	}
	var c wireClaims
	if _, err := j.parser.ParseWithClaims(token, &c, j.keysFor); err != nil {
		return nil, refusal(err)
	}
	if err := j.checkClaims(&c); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if j.revoked.has(&c, now.Add(-j.o.Leeway)) {
		return nil, push.ErrRevoked
	}
	return j.identity(&c), nil
}

// checkClaims checks what package jwt knows nothing about.
func (j *JWT) checkClaims(c *wireClaims) error {
	switch {
	case len(c.Subject) > j.o.MaxTopic:
		return fmt.Errorf("sub has %d bytes, at most %d are allowed", len(c.Subject), j.o.MaxTopic)
	case !utf8.ValidString(c.Subject) || strings.ContainsRune(c.Subject, 0):
		return errors.New("sub has to be UTF-8 without NUL")
	case c.ExpiresAt != nil && (c.ExpiresAt.Unix() < 0 || c.ExpiresAt.Unix() >= 1<<40):
		return errors.New("exp is out of range") // also where it has overflowed time.Time
	}
	if err := checkFilters(c.Publish, j.o.MaxTopic); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if err := checkFilters(c.Subscribe, j.o.MaxTopic); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

func (j *JWT) identity(c *wireClaims) *push.Identity {
	id := &push.Identity{User: c.Subject, Publish: c.Publish, Subscribe: c.Subscribe, API: c.API}
	if c.Publish == nil {
		id.Publish = expand(j.o.Defaults.Publish, c.Subject, j.o.MaxTopic)
	}
	if c.Subscribe == nil {
		id.Subscribe = expand(j.o.Defaults.Subscribe, c.Subject, j.o.MaxTopic)
	}
	if c.ExpiresAt != nil {
		id.Expires = c.ExpiresAt.Add(j.o.Leeway)
	}
	return id
}

// refusal makes of an error of package jwt one that says what a client may know. That
// the token has expired is said only if nothing else is wrong with it.
func refusal(err error) error {
	var e *keyError
	if errors.As(err, &e) {
		return e
	}
	reason := ""
	switch {
	case errors.Is(err, jwt.ErrTokenMalformed):
		reason = "it is not a JWT, or a claim has the wrong type"
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		reason = "its algorithm is not known"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		reason = "the signature does not verify"
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		reason = "exp, iss or aud is missing"
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		reason = "it is for another audience (aud)"
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		reason = "it is from another issuer (iss)"
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		reason = "it is not valid yet (nbf)"
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		reason = "it is from the future (iat)"
	case errors.Is(err, jwt.ErrTokenExpired):
		return push.ErrExpired
	default:
		reason = "its claims are not valid"
	}
	return fmt.Errorf("%w: %s", ErrInvalid, reason)
}

// Stats returns a snapshot of the counters.
func (j *JWT) Stats() Stats {
	s := Stats{
		Accepted:      j.accepted.Load(),
		Expired:       j.expired.Load(),
		Revoked:       j.refusedRevoked.Load(),
		TooLong:       j.tooLong.Load(),
		Invalid:       j.invalid.Load(),
		Keys:          len(j.secret) + len(j.pem.all()) + len(j.jwks.all()),
		Revocations:   j.revoked.len(),
		RevokeRefused: j.revoked.refused.Load(),
	}
	for _, f := range j.files {
		s.FileErrors += f.failures.Load()
	}
	return s
}
