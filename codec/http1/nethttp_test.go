package http1_test

import (
	"math/rand/v2"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

// pieces are what TestAgainstNetHTTP makes requests of: more of what is right
// than of what is not, for most requests to get as far as the interesting parts.
var pieces = struct{ methods, targets, versions, names, values, ends []string }{
	methods: []string{"GET", "GET", "POST", "OPTIONS", "CONNECT", "get", "X-Y", "G(T", "", "PRI", "G\x00"},
	targets: []string{
		"/", "/", "/a/b?c=d", "/?", "//x", "/%41", "/%4", "/%zz", "/a?%zz", "/\xe9", "/a#b", "*", "a:1", "[::1]:80", "[::1%25a]:80",
		"http://h", "HTTP://h:80/p?q", "http://h?q/r", "http://u@h/", "http://%68/", "http://[::1]/", "http://[::g]/", "http://h:a/",
		"http:///p", "http:/p", "mailto:x", "http://h/%", "x-y+1.z://h", "1x://h/", "", "a", "/a b", "?", "/\x7f", "http://\xe9/",
	},
	versions: []string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.3", "HTTP/2.0", "HTTP/0.9", "HTTP/1.10", "HTTP/1", "http/1.1", "", "HTTP/1.1 "},
	names: []string{
		"Host", "host", "Content-Length", "CONTENT-length", "Transfer-Encoding", "transfer-encoding", "Connection", "connection", "Trailer",
		"Expect", "Upgrade", "X", "x-y", "Pragma", "Cookie", "X ", "", "X\x00", "X(", " X", "\tX", "Content_Length", "\xe9",
	},
	values: []string{
		"a", "h:80", "", "0", "5", "007", "+5", "-1", "5, 5", "5 5", "9223372036854775807", "9223372036854775808", "0x5", "chunked", "Chunked",
		"chunked, chunked", "gzip, chunked", "chunked, gzip", "identity", ",chunked", "close", "keep-alive", "Keep-Alive, close", "upgrade",
		"close;q=1", "closed", "100-continue", "no-cache", "Content-Length", "Digest, trailer", "x\ty", "x\x00y", "\xe9\xff", "\x7f", "\v", "a/b", "[::1]", "a@b",
	},
	ends: []string{"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n", "\r\n ", "", "\n\r"},
}

// TestAgainstNetHTTP is FuzzRequest with requests made of whole pieces, which
// meet in more ways than bytes that are changed one by one.
func TestAgainstNetHTTP(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	pick := func(from []string) string { return from[rnd.IntN(len(from))] }
	// mostly picks one of the few first pieces, all but once in a while.
	mostly := func(from []string, few int) string {
		if rnd.IntN(8) > 0 {
			return pick(from[:few])
		}
		return pick(from)
	}
	var r http1.Request
	var c http1.Codec
	var buf []byte
	accepted := 0
	for range 50_000 {
		buf = buf[:0]
		add := func(parts ...string) {
			for _, part := range parts {
				buf = append(buf, part...)
			}
		}
		add(mostly(pieces.methods, 4), " ", mostly(pieces.targets, 7), " ", mostly(pieces.versions, 5), mostly(pieces.ends, 12))
		if rnd.IntN(8) > 0 {
			add("Host: a\r\n")
		}
		for range rnd.IntN(4) {
			add(mostly(pieces.names, 15), ":", mostly([]string{" ", "", "\t ", " \v", "\r\n "}, 3), pick(pieces.values), mostly([]string{"", " ", "\t", "\r"}, 3), mostly(pieces.ends, 12))
		}
		add(mostly(pieces.ends, 12), "0\r\n\r\n")
		n, err := r.Parse(buf, 0, http1.Limits{})
		if n > 0 {
			accepted++
		}
		compareWithNetHTTP(t, buf, &r, n, err)
		checkCuts(t, c, buf)
	}
	if accepted < 5_000 {
		t.Errorf("only %d requests were accepted", accepted)
	}
	t.Logf("%d requests were accepted", accepted)
}

// TestBodiesAgainstNetHTTP does for FuzzChunked what TestAgainstNetHTTP does for
// FuzzRequest.
func TestBodiesAgainstNetHTTP(t *testing.T) {
	sizes := []string{"3", "03", "a", "A", "0000000000000003", "00000000000000003", "0x3", " 3", "3 ", "+3", "-3", "", "3g", "ffffffffffffffff", "8000000000000000", "\x00"}
	extensions := []string{"", ";a", ";a=b", ";a=\"b;\\\"c\"", "; a = b ;c", " ;a", ";", ";a=", ";a=\"b", ";\x00", ";a\r", ";a ", ";\xff"}
	data := []string{"abc", "abc", "abc", "0123456789", "ab", "abcd", "\r\n\r", "0\r\n"}
	ends := []string{"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "", "\r\r\n", "\r\n "}
	trailers := []string{"A: b", "A:", "a: \tc ", "Digest: \xff", "A : b", " A: b", "A", ":", "Content-Length: 3", "Host: a", "A: \x00", "A\x00: b"}
	rnd := rand.New(rand.NewPCG(5, 6))
	mostly := func(from []string, few int) string {
		if rnd.IntN(12) > 0 {
			return from[rnd.IntN(few)]
		}
		return from[rnd.IntN(len(from))]
	}
	var d http1.Chunked
	var buf []byte
	accepted := 0
	for range 30_000 {
		buf = buf[:0]
		add := func(parts ...string) {
			for _, part := range parts {
				buf = append(buf, part...)
			}
		}
		for range rnd.IntN(3) {
			add(mostly(sizes, 2), mostly(extensions, 5), mostly(ends, 6), mostly(data, 3), mostly(ends, 6))
		}
		add(mostly([]string{"0", "00", "0000000000000000", "00000000000000000", "-0", ""}, 3), mostly(extensions, 5), mostly(ends, 6))
		for range rnd.IntN(3) {
			add(mostly(trailers, 4), mostly(ends, 6))
		}
		add(mostly(ends, 6), "GET")
		got := dechunk(t, &d, buf)
		if got.done {
			accepted++
		}
		compareBodies(t, buf, &d, got)
	}
	if accepted < 5_000 {
		t.Errorf("only %d bodies were accepted", accepted)
	}
	t.Logf("%d bodies were accepted", accepted)
}
