package web

import (
	"net/http"
	"net/textproto"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// asNetHTTP parses a target as net/http's server does.
func asNetHTTP(method, target string) *url.URL {
	authority := method == http.MethodConnect && !strings.HasPrefix(target, "/")
	if authority {
		target = "http://" + target
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil
	}
	if authority {
		u.Scheme = ""
	}
	return u
}

// The short way to a URL and package url's lead to the same one.
func FuzzParseTarget(f *testing.F) {
	for _, target := range []string{
		"/", "/a/b", "/a?b=c", "/a?", "/a??", "/?", "//a", "//a/b?c", "/a%2Fb", "/%zz", "/a b", "/a;b,c:d@e!f", "/a#b", "/é",
		"*", "", "a", "a:b", "a.test:443", "http://a.test/b?c", "HTTP://a.test", "http:///b", "mailto:a", "/a?b#c", "/a?\x7f", "/~a/$b&c+d=e",
	} {
		f.Add("GET", target)
		f.Add("CONNECT", target)
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		if strings.ContainsFunc(target, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // is no target for the parser
		}
		var w response
		got, want := w.parseTarget(method, target), asNetHTTP(method, target)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s %q: %#v, package url says %#v", method, target, got, want)
		}
	})
}

func FuzzAppendCanonical(f *testing.F) {
	for _, name := range []string{"host", "HOST", "content-TYPE", "x", "-", "a--b-", "ETag", "x_y-z", "1a-2b", "www-authenticate"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !isFieldName(name) {
			return
		}
		if got, want := string(appendCanonical(nil, []byte(name))), textproto.CanonicalMIMEHeaderKey(name); got != want {
			t.Errorf("%q: %q, net/textproto says %q", name, got, want)
		}
	})
}
