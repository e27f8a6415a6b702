package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/golang-jwt/jwt/v5"
)

// minSecret is the size in bytes of the shortest secret of HS256 (RFC 7518, 3.2), and
// minRSA that in bits of the shortest RSA key of RS256 (3.3).
const (
	minSecret = 32
	minRSA    = 2048
)

var algorithms = []string{
	jwt.SigningMethodHS256.Alg(),
	jwt.SigningMethodRS256.Alg(),
	jwt.SigningMethodES256.Alg(),
	jwt.SigningMethodEdDSA.Alg(),
}

// key verifies tokens of one algorithm.
type key struct {
	alg      string
	kid      string
	verifier jwt.VerificationKey
}

// keys are those of a file, replaced when it changes.
type keys struct{ list atomic.Pointer[[]key] }

func (k *keys) all() []key {
	if p := k.list.Load(); p != nil {
		return *p
	}
	return nil
}

func (k *keys) replace(list []key) { k.list.Store(&list) }

// keyError is ErrInvalid with what is wrong with the header of a token.
type keyError struct{ reason string }

func (e *keyError) Error() string { return ErrInvalid.Error() + ": " + e.reason }
func (e *keyError) Unwrap() error { return ErrInvalid }

// keysFor is the jwt.Keyfunc. Only keys for the token's algorithm are candidates, so
// that no key is ever used in another way than it is made for.
func (j *JWT) keysFor(t *jwt.Token) (any, error) {
	if _, critical := t.Header["crit"]; critical {
		return nil, &keyError{"it needs an extension that is not known (crit)"} // RFC 7515, 4.1.11
	}
	alg := t.Method.Alg()
	kid, _ := t.Header["kid"].(string)
	var set jwt.VerificationKeySet
	for _, k := range j.secret {
		if k.alg == alg {
			set.Keys = append(set.Keys, k.verifier)
		}
	}
	for _, k := range j.pem.all() {
		if k.alg == alg {
			set.Keys = append(set.Keys, k.verifier)
		}
	}
	jwks := j.jwks.all()
	count := 0
	for _, k := range jwks {
		if k.alg == alg {
			count++
		}
	}
	for _, k := range jwks {
		if k.alg == alg && (k.kid == kid || count == 1 && (k.kid == "" || kid == "")) {
			set.Keys = append(set.Keys, k.verifier)
		}
	}
	if len(set.Keys) > 0 {
		return set, nil
	}
	switch {
	case count > 0 && kid == "":
		return nil, &keyError{"it does not say which key it is signed with (kid)"}
	case count > 0:
		return nil, &keyError{fmt.Sprintf("there is no key %.80q (kid) for %s", kid, alg)}
	}
	return nil, &keyError{"there is no key for " + alg}
}

func checkSecret(secret []byte) error {
	if len(secret) < minSecret {
		return fmt.Errorf("it has %d bytes, HS256 needs %d or more", len(secret), minSecret)
	}
	if block, _ := pem.Decode(secret); block != nil {
		return errors.New("it is PEM: a key of that kind belongs into PublicKeyFile, and what is public is no secret")
	}
	return nil
}

// publicKey makes a key of what packages x509 and jose have parsed.
func publicKey(public any) (key, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSA {
			return key{}, fmt.Errorf("an RSA key of %d bits, RS256 needs %d or more", bits, minRSA)
		}
		return key{alg: jwt.SigningMethodRS256.Alg(), verifier: k}, nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return key{}, fmt.Errorf("an EC key on %s, ES256 needs P-256", k.Curve.Params().Name)
		}
		return key{alg: jwt.SigningMethodES256.Alg(), verifier: k}, nil
	case ed25519.PublicKey:
		return key{alg: jwt.SigningMethodEdDSA.Alg(), verifier: k}, nil
	}
	return key{}, fmt.Errorf("a key of type %T, known are RSA, EC (P-256) and Ed25519", public)
}

// loadPEM takes the keys of PublicKeyFile.
func (j *JWT) loadPEM(b []byte) error {
	var list []key
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		var public any
		var err error
		switch {
		case block.Type == "PUBLIC KEY":
			public, err = x509.ParsePKIXPublicKey(block.Bytes)
		case block.Type == "RSA PUBLIC KEY":
			public, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case block.Type == "CERTIFICATE":
			var c *x509.Certificate
			if c, err = x509.ParseCertificate(block.Bytes); err == nil {
				public = c.PublicKey
			}
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return errors.New("there is a private key in it: who checks tokens needs the public one only")
		default:
			return fmt.Errorf("PEM of type %.80q, known are PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE", block.Type)
		}
		if err != nil {
			return err
		}
		k, err := publicKey(public)
		if err != nil {
			return err
		}
		if list = append(list, k); len(list) > maxKeys {
			return fmt.Errorf("more than %d keys", maxKeys)
		}
	}
	if len(list) == 0 {
		return errors.New("no PEM in it")
	}
	j.pem.replace(list)
	return nil
}
