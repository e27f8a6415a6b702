package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/push/auth"
	"github.com/weir-go/weir/push/topic"
)

const tokenAbout = `Push token prints a token (JSON Web Token, HS256) that says what its bearer may do.

Usage:

	push token -secret-file file [flags]
`

const tokenExamples = `Ann may read all rooms and write in one, for an hour:

	push token -secret-file secret -user ann -subscribe 'chat/#' -publish chat/room

An operator may do everything:

	push token -secret-file secret -user operator -subscribe '#,$weir/#' -publish '#' -api
`

// runToken is the command token.
func runToken(_ context.Context, args []string, stdout, stderr io.Writer) int {
	var secret, user, id, issuer, audience string
	var subscribe, publish filters
	var api bool
	ttl := time.Hour

	fs := flag.NewFlagSet("push token", flag.ContinueOnError)
	fs.StringVar(&secret, "secret-file", "", "`file` with the secret, that of the server")
	fs.StringVar(&user, "user", "", "`name` of the user")
	fs.Var(&subscribe, "subscribe", "`filters` that cover what may be subscribed to, with commas between; may be repeated")
	fs.Var(&publish, "publish", "`filters` of topics that may be published to, with commas between; may be repeated")
	fs.BoolVar(&api, "api", false, "allow the operator's requests of the HTTP API, and all topics there")
	fs.StringVar(&id, "id", "", "`id` by which the token can be revoked")
	fs.StringVar(&issuer, "issuer", "", "issuer (`iss`)")
	fs.StringVar(&audience, "audience", "", "audience (`aud`)")
	cli.Span(fs, &ttl, "ttl", "`time` for which it holds")
	if code, ok := cli.Parse(fs, args, stdout, stderr, tokenAbout, tokenExamples); !ok {
		return code
	}
	switch {
	case secret == "":
		return cli.Misused(fs, stderr, errors.New("-secret-file is needed"))
	case user == "":
		return cli.Misused(fs, stderr, errors.New("-user is needed"))
	case ttl < time.Second:
		return cli.Misused(fs, stderr, errors.New("-ttl is to be a second at least"))
	}
	key, err := readSecret(secret)
	if err != nil {
		return cli.Failed(fs, stderr, err)
	}
	token, err := auth.Token(key, auth.Claims{
		User: user, Subscribe: subscribe.list(), Publish: publish.list(), API: api,
		Expires: time.Now().Add(ttl), ID: id, Issuer: issuer, Audience: audience,
	})
	if err != nil {
		return cli.Failed(fs, stderr, err)
	}
	fmt.Fprintln(stdout, token)
	return cli.OK
}

// filters is a flag that can be repeated, and have several values each time.
type filters []string

func (f *filters) String() string { return strings.Join(*f, ",") }

func (f *filters) Set(s string) error {
	for filter := range strings.SplitSeq(s, ",") {
		if err := topic.CheckFilter(filter, 255); err != nil {
			return err
		}
		*f = append(*f, filter)
	}
	return nil
}

// list is never nil: what is not given is not allowed.
func (f filters) list() []string { return append([]string{}, f...) }
