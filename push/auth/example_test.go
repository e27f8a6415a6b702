package auth_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/auth"
)

func Example() {
	secret := []byte("a secret of at least 32 bytes, from a file")
	tokens, err := auth.New(auth.Options{
		Secret: secret,
		Defaults: auth.Grant{
			Publish:   []string{"in/{user}"},
			Subscribe: []string{"news/#", "user/{user}/#"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// In a server: push.Config{Auth: tokens} and api.Options{Auth: tokens}.

	token, err := auth.Token(secret, auth.Claims{User: "ada", ID: "7", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := tokens.Authenticate(token)
	fmt.Println(id.User, id.Publish, id.Subscribe, err)

	if err := tokens.Revoke("7", id.Expires); err != nil {
		fmt.Println(err)
	}
	_, err = tokens.Authenticate(token)
	fmt.Println(errors.Is(err, push.ErrRevoked))

	_, err = tokens.Authenticate("not a token")
	fmt.Println(err)
	// Output:
	// ada [in/ada] [news/# user/ada/#] <nil>
	// true
	// auth: the token is not valid: it is not a JWT, or a claim has the wrong type
}
