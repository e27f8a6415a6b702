package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/auth"
)

func TestAlgorithms(t *testing.T) {
	pems := append(append(publicPEM(rsaKey()), publicPEM(ecKey())...), publicPEM(edKey())...)
	all := newJWT(t, auth.Options{Secret: secret, PublicKeyFile: writeFile(t, "keys.pem", pems)})
	none := unsigned(`{"alg":"none","typ":"JWT"}`)
	for _, test := range []struct {
		name   string
		token  string
		reason string // "": it is good
	}{
		{"HS256", sign(jwt.SigningMethodHS256, secret, claims(nil)), ""},
		{"RS256", sign(jwt.SigningMethodRS256, rsaKey(), claims(nil)), ""},
		{"ES256", sign(jwt.SigningMethodES256, ecKey(), claims(nil)), ""},
		{"EdDSA", sign(jwt.SigningMethodEdDSA, edKey(), claims(nil)), ""},
		{"HS256, a kid is no matter", sign(jwt.SigningMethodHS256, secret, claims(nil), "kid", "x"), ""},

		{"HS256, wrong key", sign(jwt.SigningMethodHS256, otherSecret, claims(nil)), "signature"},
		{"RS256, wrong key", sign(jwt.SigningMethodRS256, otherRSAKey(), claims(nil)), "signature"},
		{"ES256, wrong key", sign(jwt.SigningMethodES256, otherECKey(), claims(nil)), "signature"},
		{"EdDSA, wrong key", sign(jwt.SigningMethodEdDSA, otherEdKey(), claims(nil)), "signature"},

		{"HS384", sign(jwt.SigningMethodHS384, secret, claims(nil)), "signature"},
		{"RS512", sign(jwt.SigningMethodRS512, rsaKey(), claims(nil)), "signature"},
		{"PS256", sign(jwt.SigningMethodPS256, rsaKey(), claims(nil)), "signature"},
		{"HS256 with the RSA key for a secret", sign(jwt.SigningMethodHS256, publicPEM(rsaKey()), claims(nil)), "signature"},
		{"HS256 with the Ed25519 key for a secret", sign(jwt.SigningMethodHS256, []byte(edKey().Public().(ed25519.PublicKey)), claims(nil)), "signature"},

		{"none", none, "signature"},
		{"None", unsigned(`{"alg":"None"}`), "algorithm"},
		{"NONE", unsigned(`{"alg":"NONE"}`), "algorithm"},
		{"no alg", unsigned(`{"typ":"JWT"}`), "algorithm"},
		{"alg is no string", unsigned(`{"alg":["HS256"]}`), "algorithm"},
		{"crit", sign(jwt.SigningMethodHS256, secret, claims(nil), "crit", "b64"), "crit"},
	} {
		t.Run(test.name, func(t *testing.T) { check(t, all, test.token, test.reason) })
	}
}

// TestConfusion: where there is a public key only, it is no secret, in whatever form.
func TestConfusion(t *testing.T) {
	file := publicPEM(rsaKey())
	der := must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	j := newJWT(t, auth.Options{PublicKeyFile: writeFile(t, "rsa.pem", file)})
	for name, key := range map[string][]byte{
		"PEM": file, "DER": der, "modulus": rsaKey().N.Bytes(),
		"PEM without the last line break": file[:len(file)-1],
	} {
		t.Run(name, func(t *testing.T) {
			check(t, j, sign(jwt.SigningMethodHS256, key, claims(nil)), "no key for HS256")
		})
	}
	check(t, j, sign(jwt.SigningMethodES256, ecKey(), claims(nil)), "no key for ES256")
	check(t, j, sign(jwt.SigningMethodRS256, rsaKey(), claims(nil)), "")
}

func TestTampered(t *testing.T) {
	j := newJWT(t, auth.Options{Secret: secret})
	token := sign(jwt.SigningMethodHS256, secret, claims(nil))
	check(t, j, token, "")
	for i := range len(token) {
		c := byte('A')
		if token[i] == c {
			c = 'B'
		}
		if _, err := j.Authenticate(token[:i] + string(c) + token[i+1:]); !errors.Is(err, auth.ErrInvalid) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := j.Authenticate(token[:i]); !errors.Is(err, auth.ErrInvalid) {
			t.Fatalf("%d bytes: %v", i, err)
		}
	}
	for _, token := range []string{"x", ".", "..", "...", token + ".", token + "=", token + "\n", " " + token, strings.Repeat(".", 1000)} {
		check(t, j, token, "not a JWT")
	}
	parts := strings.Split(token, ".")
	admin := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"ada","api":true,"exp":9999999999}`))
	check(t, j, parts[0]+"."+admin+"."+parts[2], "signature")
	check(t, j, parts[0]+"."+parts[1]+".", "signature")
}

func TestKeysThatAreRefused(t *testing.T) {
	small := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(
		&rsa.PublicKey{N: must(rand.Prime(rand.Reader, 1024)), E: 65537})})
	p384 := publicPEM(must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)))
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(edKey()))})
	for _, test := range []struct {
		name   string
		o      auth.Options
		reason string
	}{
		{"nothing", auth.Options{}, "no key"},
		{"short secret", auth.Options{Secret: secret[:31]}, "it has 31 bytes, HS256 needs 32"},
		{"a public key for a secret", auth.Options{Secret: publicPEM(rsaKey())}, "PEM"},
		{"small RSA key", auth.Options{PublicKeyFile: writeFile(t, "k", small)}, "1024 bits"},
		{"P-384", auth.Options{PublicKeyFile: writeFile(t, "k", p384)}, "P-384"},
		{"private key", auth.Options{PublicKeyFile: writeFile(t, "k", private)}, "private"},
		{"no PEM", auth.Options{PublicKeyFile: writeFile(t, "k", []byte("ssh-rsa AAAA"))}, "no PEM"},
		{"no file", auth.Options{PublicKeyFile: "/does/not/exist"}, "PublicKeyFile"},
		{"a directory", auth.Options{JWKSFile: t.TempDir()}, "not a regular file"},
		{"no JWKS", auth.Options{JWKSFile: writeFile(t, "k", []byte("keys"))}, "JWKSFile"},
		{"empty JWKS", auth.Options{JWKSFile: writeFile(t, "k", jwks())}, "no usable key"},
		{"huge JWKS", auth.Options{JWKSFile: writeFile(t, "k", make([]byte, 1<<20+1))}, "more than"},
		{"no revocation file", auth.Options{Secret: secret, RevocationFile: "/does/not/exist"}, "RevocationFile"},
		{"bad default", auth.Options{Secret: secret, Defaults: auth.Grant{Publish: []string{"a/#/b"}}}, "Defaults.Publish"},
		{"bad grant", auth.Options{Anonymous: &auth.Grant{Subscribe: []string{""}}}, "Anonymous.Subscribe"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.o.Logger = quiet
			if _, err := auth.New(test.o); err == nil || !strings.Contains(err.Error(), test.reason) {
				t.Fatalf("%v, should be about %q", err, test.reason)
			}
		})
	}
}

func unsigned(header string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(`{"sub":"ada","api":true,"exp":9999999999}`)) + "."
}

// check fails unless the token is refused for the reason, or good if that is "".
func check(t *testing.T, j *auth.JWT, token, reason string) *push.Identity {
	t.Helper()
	id, err := j.Authenticate(token)
	switch {
	case reason == "" && err != nil:
		t.Fatal(err)
	case reason == "":
		if id.User != "ada" {
			t.Fatalf("%+v", id)
		}
	case err == nil:
		t.Fatalf("accepted: %+v", id)
	case id != nil || !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), reason):
		t.Fatalf("%v, should be about %q", err, reason)
	case errors.Is(err, push.ErrExpired) || errors.Is(err, push.ErrRevoked):
		t.Fatalf("%v is another error", err)
	}
	return id
}
