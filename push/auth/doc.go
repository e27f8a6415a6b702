// Package auth checks JSON Web Tokens (RFC 7519): a push.Authenticator for the push
// server and its HTTP API.
//
// # Claims
//
//	sub        the user, Identity.User
//	exp        required, unless Options.AllowNoExpiry is set
//	nbf, iat   checked, if they are there
//	iss, aud   checked, if Options.Issuer and Options.Audience are set
//	jti        the name by which the token can be revoked
//	publish    array of filters: topics that may be published to
//	subscribe  array of filters: topics and filters that may be subscribed to
//	api        true: the operations of the HTTP API, such as stats and disconnect;
//	           for topics it needs publish and subscribe as well
//
// A token without publish or subscribe gets Options.Defaults for it. An empty array,
// or null, allows nothing. Names of claims are case-sensitive, and a token that has one
// twice is refused.
//
// # Algorithms
//
// HS256, RS256, ES256 (P-256) and EdDSA (Ed25519). The type of a key decides which of
// them it verifies, never the token's header: a public key is no secret for HS256, and
// "none" verifies with nothing.
package auth
