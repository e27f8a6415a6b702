package http1_test

import (
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

func TestHeader(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nX-Empty:\r\nx-one: 2\r\nAccept: b, c\r\nACCEPT:,\"d, e\";q=1 ,f\r\n\r\n"
	var r http1.Request
	if n, err := r.Parse([]byte(head), 0, http1.Limits{}); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	for name, want := range map[string]string{
		"X-One": "1", "x-ONE": "1", "x-empty": "", "x-two": "<nil>", "": "<nil>", "x_one": "<nil>", "X\rOne": "<nil>",
	} {
		if got := orNil(r.Header(name)); got != want {
			t.Errorf("Header(%q) is %q, want %q", name, got, want)
		}
	}
	for _, tt := range []struct {
		name, token string
		want        bool
	}{
		{"Accept", "b", true}, {"accept", "C", true}, {"accept", "f", true}, {"accept", "d", false}, {"accept", "e\";q=1", true},
		{"accept", "b, c", false}, {"accept", "", true}, {"x-empty", "", true}, {"x-none", "", false}, {"accep", "b", false},
	} {
		if got := r.HasToken(tt.name, tt.token); got != tt.want {
			t.Errorf("HasToken(%q, %q) is %v", tt.name, tt.token, got)
		}
	}
}

// TestViews shows that whoever appends to a part of a request does not write
// over the bytes behind it.
func TestViews(t *testing.T) {
	const head = "GET http://h/p?q HTTP/1.1\r\nHost: a\r\nN: v\r\n\r\n"
	buf := []byte(head)
	var r http1.Request
	if n, err := r.Parse(buf, 0, http1.Limits{}); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	views := [][]byte{r.Method, r.Target, r.Host, r.Path(), r.Query()}
	for _, h := range r.Headers {
		views = append(views, h.Name, h.Value)
	}
	for _, view := range views {
		_ = append(view, '!')
		if len(view) == 0 || string(buf) != head {
			t.Errorf("appending to %q made %q", view, buf)
		}
	}
}
