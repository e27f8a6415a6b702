package auth

import (
	"log/slog"
	"time"
)

// Options are the settings of New: at least one of Secret, PublicKeyFile and JWKSFile,
// or Anonymous. The zero value of every other field is a default.
type Options struct {
	// Secret verifies tokens of HS256. It has 32 bytes or more.
	Secret []byte

	// PublicKeyFile is a file with public keys, or certificates, in PEM: RSA (RS256,
	// 2,048 bits or more), EC (ES256, P-256) and Ed25519 (EdDSA). They verify tokens
	// whatever "kid" these have.
	PublicKeyFile string

	// JWKSFile is a file with a JSON Web Key Set (RFC 7517). The "kid" of a token
	// chooses the key; it can be missing on both sides where there is one key only for
	// the algorithm. Keys of other types, for other algorithms or for encryption are
	// ignored. Symmetric ones ("oct") verify HS256.
	JWKSFile string

	// RevocationFile is a text file of revoked tokens, a jti on each line. Empty lines
	// and those that begin with "#" do not count.
	RevocationFile string

	// Recheck is how often, at most, the files are looked at for changes, as tokens
	// come. What cannot be read or used then leaves everything as it was, is logged,
	// and counted. Replace files by renaming, so that no half of one is read. 0: 2 s.
	Recheck time.Duration

	// Issuer and Audience, if set, are what "iss" has to be and "aud" has to have.
	Issuer   string
	Audience string

	// Leeway is what the clocks of those who sign may differ. Identity.Expires is by so
	// much later than "exp". 0: 10 s, negative: nothing.
	Leeway time.Duration

	// AllowNoExpiry admits tokens without "exp".
	AllowNoExpiry bool

	// Defaults is what tokens without the claims publish and subscribe may do. In its
	// filters "{user}" stands for the user, as in "user/{user}/#". A user whose name
	// is not one level of a topic, or would begin a topic with "$", does not get these.
	// API is not used.
	Defaults Grant

	// Anonymous, if set, is what those without a token may do. nil: they are refused.
	Anonymous *Grant

	// MaxToken is the size in bytes of the longest token. 0: 8 KiB.
	MaxToken int

	// MaxTopic is the size in bytes of the longest filter, and user. 0: 255, as
	// push.Config has it.
	MaxTopic int

	// MaxRevoked is the largest number of tokens and users that Revoke and RevokeUser
	// keep, and of lines of RevocationFile. 0: 100,000.
	MaxRevoked int

	// Logger gets what becomes of the files. nil: slog.Default().
	Logger *slog.Logger
}

// Grant is what somebody may do, as in push.Identity.
type Grant struct {
	Publish   []string
	Subscribe []string
	API       bool
}

func (o Options) withDefaults() Options {
	or := func(p *int, n int) {
		if *p <= 0 {
			*p = n
		}
	}
	or(&o.MaxToken, 8<<10)
	or(&o.MaxTopic, 255)
	or(&o.MaxRevoked, 100_000)
	if o.Recheck <= 0 {
		o.Recheck = 2 * time.Second
	}
	if o.Leeway == 0 {
		o.Leeway = 10 * time.Second
	}
	o.Leeway = max(o.Leeway, 0)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}
