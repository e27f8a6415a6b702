package auth

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// maxKeys is the largest number of keys of a file.
const maxKeys = 100

// loadJWKS takes the keys of JWKSFile. Those that are of no use are left out, as RFC
// 7517, section 5, has it, with a line in the log; a set without any is an error.
func (j *JWT) loadJWKS(b []byte) error {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return err
	}
	if len(set.Keys) > maxKeys {
		return fmt.Errorf("%d keys, at most %d are read", len(set.Keys), maxKeys)
	}
	var list []key
	for i, raw := range set.Keys {
		k, err := setKey(raw)
		if err != nil {
			j.o.Logger.Warn("auth: a key of the set is ignored", slog.String("file", j.o.JWKSFile),
				slog.Int("index", i), slog.Any("error", err))
			continue
		}
		list = append(list, k)
	}
	if len(list) == 0 {
		return errors.New("no usable key in the set")
	}
	j.jwks.replace(list)
	return nil
}

func setKey(raw []byte) (key, error) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(raw); err != nil {
		return key{}, err
	}
	// Package jose does not keep key_ops, which some sets have instead of use.
	var meta struct {
		Ops []string `json:"key_ops"`
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		return key{}, err
	}
	if jwk.Use != "" && jwk.Use != "sig" || meta.Ops != nil && !slices.Contains(meta.Ops, "verify") {
		return key{}, errors.New("it is not for signatures")
	}
	var k key
	var err error
	switch v := jwk.Key.(type) {
	case []byte:
		err = checkSecret(v)
		k = key{alg: jwt.SigningMethodHS256.Alg(), verifier: v}
	case crypto.Signer: // a private key, of which the public half is enough
		k, err = publicKey(v.Public())
	default:
		k, err = publicKey(v)
	}
	if err != nil {
		return key{}, err
	}
	if jwk.Algorithm != "" && jwk.Algorithm != k.alg {
		return key{}, fmt.Errorf("it is for %.20q, a key of this type is used for %s only", jwk.Algorithm, k.alg)
	}
	k.kid = jwk.KeyID
	return k, nil
}
