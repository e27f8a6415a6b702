package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/weir-go/weir/push/auth"
)

// keyFlags say whose tokens are believed.
type keyFlags struct {
	secret, public, set string // files
	issuer, audience    string
	revoked             string
}

func (k *keyFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&k.secret, "secret-file", "", "`file` with the secret of tokens of HS256, of 32 bytes or more; a line end behind it does not count")
	fs.StringVar(&k.public, "key", "", "`file` with public keys of tokens (RS256, ES256, EdDSA), PEM")
	fs.StringVar(&k.set, "jwks", "", "`file` with public keys of tokens, a JSON Web Key Set")
	fs.StringVar(&k.issuer, "issuer", "", "issuer (`iss`) that tokens have to have")
	fs.StringVar(&k.audience, "audience", "", "audience (`aud`) that tokens have to have")
	fs.StringVar(&k.revoked, "revoked", "", "`file` with the ids (jti) of revoked tokens, one a line; looked at again when it changes")
}

// given reports whether clients need a token.
func (k *keyFlags) given() bool { return k.secret != "" || k.public != "" || k.set != "" }

func (k *keyFlags) check() error {
	if !k.given() && (k.issuer != "" || k.audience != "" || k.revoked != "") {
		return errors.New("-issuer, -audience and -revoked are about tokens, which need -secret-file, -key or -jwks")
	}
	return nil
}

// authenticator returns nil if everybody may do everything.
func (k *keyFlags) authenticator(log *slog.Logger) (*auth.JWT, error) {
	if !k.given() {
		return nil, nil
	}
	o := auth.Options{PublicKeyFile: k.public, JWKSFile: k.set, RevocationFile: k.revoked,
		Issuer: k.issuer, Audience: k.audience, Logger: log}
	if k.secret != "" {
		var err error
		if o.Secret, err = readSecret(k.secret); err != nil {
			return nil, err
		}
	}
	return auth.New(o)
}

// readSecret reads a file without the line end that editors put behind it.
func readSecret(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("-secret-file: %w", err)
	}
	b = bytes.TrimRight(b, "\r\n")
	if len(b) < 32 {
		return nil, fmt.Errorf("-secret-file: %s has %d bytes, a secret needs 32: head -c 32 /dev/urandom | base64 > %s", name, len(b), name)
	}
	return b, nil
}

// describe tells who is believed.
func (k *keyFlags) describe() string {
	if k.given() {
		return "tokens needed"
	}
	return "no tokens needed"
}
