package http1_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

func TestTarget(t *testing.T) {
	tests := []struct{ method, target, path, query, host string }{
		{"GET", "/", "/", "<nil>", "header.example"},
		{"GET", "/?", "/", "", "header.example"},
		{"GET", "/a?b?c", "/a", "b?c", "header.example"},
		{"GET", "//a/b", "//a/b", "<nil>", "header.example"},
		{"GET", "/http://a/", "/http://a/", "<nil>", "header.example"},
		{"GET", "/a|b\\c{}\"<>^`[]@:;,", "/a|b\\c{}\"<>^`[]@:;,", "<nil>", "header.example"},
		{"GET", "/%41%e9/x%2Fy?%", "/%41%e9/x%2Fy", "%", "header.example"},
		{"OPTIONS", "*", "*", "<nil>", "header.example"},
		{"OPTIONS", "/a", "/a", "<nil>", "header.example"},
		{"CONNECT", "a.example:443", "<nil>", "<nil>", "a.example:443"},
		{"CONNECT", "[::1]:443", "<nil>", "<nil>", "[::1]:443"},
		{"GET", "http://A.example/b?c", "/b", "c", "A.example"},
		{"GET", "http://a.example:8080", "/", "<nil>", "a.example:8080"},
		{"GET", "http://a.example:", "/", "<nil>", "a.example:"},
		{"GET", "http://a.example?b/c", "/", "b/c", "a.example"},
		{"GET", "http://a.example//b", "//b", "<nil>", "a.example"},
		{"GET", "HTTPS://127.0.0.1:1/", "/", "<nil>", "127.0.0.1:1"},
		{"GET", "x+y-z.1://a/", "/", "<nil>", "a"},
		{"GET", "ftp://[::ffff:1.2.3.4]/", "/", "<nil>", "[::ffff:1.2.3.4]"},
	}
	var r http1.Request
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			stream := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: header.example\r\n\r\n", tt.method, tt.target)
			got := parseAllWays(t, &r, http1.Limits{}, []byte(stream))
			if got.err != nil || got.n != len(stream) {
				t.Fatalf("%q: %v", stream, got)
			}
			n, err := r.Parse([]byte(stream), 0, http1.Limits{})
			if n == 0 || err != nil {
				t.Fatal(n, err)
			}
			if path, query := orNil(r.Path()), orNil(r.Query()); path != tt.path || query != tt.query || string(r.Host) != tt.host {
				t.Errorf("path %q, query %q, host %q", path, query, r.Host)
			}
		})
	}
}

func orNil(b []byte) string {
	if b == nil {
		return "<nil>"
	}
	return string(b)
}

func acceptsHost(r *http1.Request, host string) bool {
	n, _ := r.Parse([]byte("GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n"), 0, http1.Limits{})
	return n > 0
}

func TestHost(t *testing.T) {
	var r http1.Request
	for _, host := range []string{
		"", "a", "A-b_c~d.e.", "1.2.3.4", "1.2.3.4:0", "999.1", "a:", "a:65536", "!$&'()*+,;=", ":80",
		"[::]", "[::1]:80", "[1:2:3:4:5:6:7:8]", "[1::8]", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]", "[2001:DB8::1]:",
		"[::ffff:255.0.10.1]", "[1:2:3:4:5:6:1.2.3.4]", "[::1.2.3.4]", "[1::1.2.3.4]",
	} {
		if !acceptsHost(&r, host) {
			t.Errorf("refused %q", host)
		}
	}
	for _, host := range []string{
		"a b", "a/", "a?", "a#", "a@b", "a\\b", "\"a\"", "<a>", "a%20", "a:-1", "a:80a", "a::80", "a[", "a]", "[", "]", "[]",
		"[::1", "::1", "[::1]a", "[::1]:a", "[[::1]]", "[1.2.3.4]", "[v1.a]", "[fe80::1%25eth0]", "[fe80::1%eth0]",
		"[:]", "[:::]", "[1]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[::1:2:3:4:5:6:7:8]", "[1::2::3]", "[12345::]", "[g::]",
		"[1:2:3:4:5:6:7:8:]", "[:1:2:3:4:5:6:7]", "[1:]", "[:1]", "[::1.2.3]", "[::1.2.3.4.5]", "[::1.2.3.256]", "[::01.2.3.4]", "[::1.2.3.]",
		"[1:2:3:4:5:6:7:1.2.3.4]", "[::1:2:3:4:5:6:1.2.3.4]", "[::1.2.3.4:1]", "[1.2.3.4::]",
	} {
		if acceptsHost(&r, host) {
			t.Errorf("accepted %q", host)
		}
	}
}

// TestHostIPv6 compares with netip, which is the authority, on many addresses
// that are one or nearly.
func TestHostIPv6(t *testing.T) {
	parts := []string{":", ":", ":", "::", "1", "a", "ff", "0db8", "12345", "1.2.3.4", "255", ".", "0", "g"}
	rnd := rand.New(rand.NewPCG(1, 2))
	var r http1.Request
	valid := 0
	for range 200_000 {
		s := ""
		for range 1 + rnd.IntN(15) {
			s += parts[rnd.IntN(len(parts))]
		}
		a, err := netip.ParseAddr(s)
		want := err == nil && a.Is6()
		if want {
			valid++
		}
		if got := acceptsHost(&r, "["+s+"]"); got != want {
			t.Fatalf("%q: %v, netip says %v", s, got, want)
		}
	}
	if valid < 100 {
		t.Errorf("only %d addresses were valid", valid)
	}
}
