package http1_test

import (
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name   string
		stream string
		want   string // of describe; the rest of stream is left
		rest   string
	}{
		{
			"shortest", "G / HTTP/1.1\r\nHost:\r\n\r\n",
			`"G" "/" path "/" query "" minor 1 host "" length -1 chunked false close false keep-alive false expect false upgrade false "Host":""`, "",
		},
		{
			"with a body", "POST /a%20b?c=%zz&d HTTP/1.1\r\nhOST: Example.org:8080\r\nContent-Length: 5\r\n\r\nhello",
			`"POST" "/a%20b?c=%zz&d" path "/a%20b" query "c=%zz&d" minor 1 host "Example.org:8080" length 5 chunked false close false keep-alive false expect false upgrade false "hOST":"Example.org:8080" "Content-Length":"5"`, "hello",
		},
		{
			"whitespace around values", "GET / HTTP/1.1\r\nHost: \t a \t \r\nX:\t\r\nY: b\tc  d\r\nZ:e\r\n\r\n",
			`"GET" "/" path "/" query "" minor 1 host "a" length -1 chunked false close false keep-alive false expect false upgrade false "Host":"a" "X":"" "Y":"b\tc  d" "Z":"e"`, "",
		},
		{
			"obs-text", "GET /\xc3\xa9?\xff HTTP/1.1\r\nHost: a\r\nX: \x80\xff caf\xc3\xa9 \xa0\r\n\r\n",
			`"GET" "/é?\xff" path "/é" query "\xff" minor 1 host "a" length -1 chunked false close false keep-alive false expect false upgrade false "Host":"a" "X":"\x80\xff café \xa0"`, "",
		},
		{
			"all that a token may hold", "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n",
			"\"!#$%&'*+-.^_`|~09azAZ\" \"/\" path \"/\" query \"\" minor 1 host \"a\" length -1 chunked false close false keep-alive false expect false upgrade false \"Host\":\"a\" \"!#$%&'*+-.^_`|~09azAZ\":\"x\"", "",
		},
		{
			"empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
			`"GET" "/" path "/" query "" minor 1 host "a" length -1 chunked false close false keep-alive false expect false upgrade false "Host":"a"`, "\r\n",
		},
		{
			"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n",
			`"GET" "/" path "/" query "" minor 0 host "" length -1 chunked false close true keep-alive false expect false upgrade false`, "",
		},
		{
			"HTTP/1.0 kept alive", "GET / HTTP/1.0\r\nConnection: x,\tKeep-Alive \r\n\r\n",
			`"GET" "/" path "/" query "" minor 0 host "" length -1 chunked false close false keep-alive true expect false upgrade false "Connection":"x,\tKeep-Alive"`, "",
		},
		{
			"HTTP/1.0 closed all the same", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
			`"GET" "/" path "/" query "" minor 0 host "" length -1 chunked false close true keep-alive false expect false upgrade false "Connection":"keep-alive" "Connection":"close"`, "",
		},
		{
			"HTTP/1.0 cannot wait or upgrade", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\n",
			`"POST" "/" path "/" query "" minor 0 host "" length 1 chunked false close true keep-alive false expect false upgrade false "Expect":"100-continue" "Connection":"upgrade" "Content-Length":"1"`, "",
		},
		{
			"a later minor version", "GET / HTTP/1.7\r\nHost: a\r\n\r\n",
			`"GET" "/" path "/" query "" minor 1 host "a" length -1 chunked false close false keep-alive false expect false upgrade false "Host":"a"`, "",
		},
		{
			"chunked and expecting", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n",
			`"PUT" "/" path "/" query "" minor 1 host "a" length -1 chunked true close false keep-alive false expect true upgrade false "Host":"a" "Transfer-Encoding":"Chunked" "Expect":"100-Continue"`, "",
		},
		{
			"expecting with nothing to send", "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
			`"PUT" "/" path "/" query "" minor 1 host "a" length 0 chunked false close false keep-alive false expect false upgrade false "Host":"a" "Expect":"100-continue" "Content-Length":"0"`, "",
		},
		{
			"upgrade and close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: ,Upgrade,, close ,keep-alive\r\nUpgrade: websocket\r\n\r\n",
			`"GET" "/" path "/" query "" minor 1 host "a" length -1 chunked false close true keep-alive false expect false upgrade true "Host":"a" "Connection":",Upgrade,, close ,keep-alive" "Upgrade":"websocket"`, "",
		},
		{
			"options that only look like some", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close;x, \"close\", clos\xe5, closed\r\n\r\n",
			`"GET" "/" path "/" query "" minor 1 host "a" length -1 chunked false close false keep-alive false expect false upgrade false "Host":"a" "Connection":"close;x, \"close\", clos\xe5, closed"`, "",
		},
		{
			"the largest length", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 009223372036854775807\r\n\r\n",
			`"GET" "/" path "/" query "" minor 1 host "a" length 9223372036854775807 chunked false close false keep-alive false expect false upgrade false "Host":"a" "Content-Length":"009223372036854775807"`, "",
		},
		{
			"harmless trailer fields", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Digest, X\r\n\r\n",
			`"GET" "/" path "/" query "" minor 1 host "a" length -1 chunked true close false keep-alive false expect false upgrade false "Host":"a" "Transfer-Encoding":"chunked" "Trailer":"Digest, X"`, "",
		},
		{"nothing", "", "", ""},
		{"an empty line", "\r\n", "", "\r\n"},
		{"incomplete", "GET / HTTP/1.1\r\nHost: a\r\n\r", "", "GET / HTTP/1.1\r\nHost: a\r\n\r"},
	}
	var r http1.Request // one for all: nothing may be left of the one before
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := parseAllWays(t, &r, http1.Limits{}, []byte(tt.stream))
			if got.err != nil || got.req != tt.want || tt.stream[got.n:] != tt.rest {
				t.Errorf("%q\ngot  %v\nwant %s, rest %q", tt.stream, got, tt.want, tt.rest)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const (
		line = "GET / HTTP/1.1\r\n"
		host = line + "Host: a\r\n"
		old  = "GET / HTTP/1.0\r\n"
		end  = "\r\n\r\n"
	)
	tests := []struct {
		name   string
		stream string
		status int
		detail string
	}{
		// The request line: RFC 9112, 3.
		{"TLS", "\x16\x03\x01", 400, "method"},
		{"leading space", " GET / HTTP/1.1" + end, 400, "method"},
		{"leading LF", "\nGET / HTTP/1.1" + end, 400, "method"},
		{"leading CR", "\rGET / HTTP/1.1" + end, 400, "CR"},
		{"many empty lines", strings.Repeat("\r\n", 9), 400, "empty lines"},
		{"method no token", "GE(T / HTTP/1.1" + end, 400, "method"},
		{"NUL in the method", "GE\x00T / HTTP/1.1" + end, 400, "method"},
		{"tab for a space", "GET\t/ HTTP/1.1" + end, 400, "method"},
		{"two spaces before the target", "GET  / HTTP/1.1" + end, 400, "target"},
		{"two spaces behind the target", "GET /  HTTP/1.1" + end, 400, "version"},
		{"space in the target", "GET /a b HTTP/1.1" + end, 400, "version"},
		{"space at the end", "GET / HTTP/1.1 " + end, 400, "version"},
		{"no version", "GET /" + end, 400, "target"},
		{"no target", "GET HTTP/1.1" + end, 400, "target"},
		{"empty target", "GET  HTTP/1.1" + end, 400, "target"},
		{"method alone", "GET" + end, 400, "method"},
		{"version in lower case", "GET / http/1.1" + end, 400, "version"},
		{"version of one digit", "GET / HTTP/1" + end, 400, "version"},
		{"version of three digits", "GET / HTTP/1.10" + end, 400, "version"},
		{"version without digits", "GET / HTTP/x.y" + end, 400, "version"},
		{"version without a dot", "GET / HTTP/1_1" + end, 400, "version"},
		{"signed version", "GET / HTTP/+1.1" + end, 400, "version"},
		{"version 2", "GET / HTTP/2.0" + end, 505, ""},
		{"version 0.9", "GET / HTTP/0.9" + end, 505, ""},
		{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ""},
		{"bare LF behind the request line", "GET / HTTP/1.1\nHost: a" + end, 400, "without CR"},
		{"CR CR LF behind the request line", "GET / HTTP/1.1\r\r\nHost: a" + end, 400, "version"},

		// The target: RFC 9112, 3.2.
		{"relative target", "GET a/b HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"fragment", "GET /a#b HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"fragment behind a query", "GET /a?b#c HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"percent without digits", "GET /a%2 HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"percent with a letter", "GET /a%2g HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"percent at the end", "GET /% HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"NUL in the target", "GET /\x00 HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"DEL in the target", "GET /?\x7f HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"tab in the target", "GET /\t HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"asterisk with GET", "GET * HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"CONNECT with an empty port", "CONNECT a: HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"CONNECT without a host", "CONNECT :80 HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"CONNECT to a URI", "CONNECT http://a:80/ HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"CONNECT with userinfo", "CONNECT u@a:80 HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"authority with GET", "GET a:80 HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"userinfo", "GET http://u:p@a/ HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"absolute without a host", "GET http:///a HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"absolute with a port only", "GET http://:80/ HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"absolute with a bad port", "GET http://a:8x/ HTTP/1.1\r\nHost: a" + end, 400, "authority"},
		{"absolute with nothing", "GET http:// HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"opaque URI", "GET mailto:a@b HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"bad scheme", "GET 1ttp://a/ HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"scheme with an underscore", "GET h_p://a/ HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"absolute with a percent at the end", "GET http://a/%4 HTTP/1.1\r\nHost: a" + end, 400, "target"},
		{"absolute with a bad percent", "GET http://a/%x HTTP/1.1\r\nHost: a" + end, 400, "target"},

		// Field lines: RFC 9112, 5.
		{"bare LF behind a field", host + "A: b\nC: d" + end, 400, "without CR"},
		{"bare LF behind a name", host + "A\nC: d" + end, 400, "without CR"},
		{"bare LF at the end", host + "\n", 400, "without CR"},
		{"bare CR in a value", host + "A: b\rC: d" + end, 400, "CR without LF"},
		{"CR CR LF", host + "A: b\r\r\n\r\n", 400, "CR without LF"},
		{"bare CR for a line", host + "\rA: b" + end, 400, "CR without LF"},
		{"bare CR in a name", host + "A\rB: b" + end, 400, "CR without LF"},
		{"folded", host + "A: b\r\n c" + end, 400, "folded"},
		{"folded with a tab", host + "A: b\r\n\tc: d" + end, 400, "folded"},
		{"folded request line", line + " Host: a" + end, 400, "folded"},
		{"space before the colon", line + "Host : a" + end, 400, "before the colon"},
		{"tab before the colon", line + "Host\t: a" + end, 400, "before the colon"},
		{"empty name", host + ": a" + end, 400, "name"},
		{"no colon", host + "abc" + end, 400, "colon"},
		{"NUL in a name", host + "A\x00: b" + end, 400, "name"},
		{"obs-text in a name", host + "\xc3\xa9: b" + end, 400, "name"},
		{"parenthesis in a name", host + "A(b): c" + end, 400, "name"},
		{"NUL in a value", host + "A: b\x00c" + end, 400, "control"},
		{"NUL behind eight bytes", host + "A: 12345678\x00c" + end, 400, "control"},
		{"DEL in a value", host + "A: \x7f" + end, 400, "control"},
		{"escape in a value", host + "A: \x1b[2J 12345678" + end, 400, "control"},
		{"vertical tab for whitespace", host + "A:\vb" + end, 400, "control"},

		// Host: RFC 9112, 3.2.
		{"no Host", line + "\r\n", 400, "missing Host"},
		{"two Hosts", host + "HOST: a" + end, 400, "more than one Host"},
		{"two Hosts in HTTP/1.0", old + "Host: a\r\nHost: b" + end, 400, "more than one Host"},
		{"list of Hosts", line + "Host: a, b" + end, 400, "invalid Host"},
		{"URI for a Host", line + "Host: http://a" + end, 400, "invalid Host"},
		{"path in Host", line + "Host: a/b" + end, 400, "invalid Host"},
		{"userinfo in Host", line + "Host: b@a" + end, 400, "invalid Host"},
		{"port of letters", line + "Host: a:http" + end, 400, "invalid Host"},
		{"two ports", line + "Host: a:80:80" + end, 400, "invalid Host"},
		{"percent in Host", line + "Host: %61" + end, 400, "invalid Host"},
		{"obs-text in Host", line + "Host: \xe9" + end, 400, "invalid Host"},
		{"invalid Host in HTTP/1.0", old + "Host: a/b" + end, 400, "invalid Host"},
		{"invalid Host with absolute-form", "GET http://a/ HTTP/1.1\r\nHost: b/c" + end, 400, "invalid Host"},
		{"no Host with absolute-form", "GET http://a/ HTTP/1.1" + end, 400, "missing Host"},

		// Framing: RFC 9112, 6.
		{"empty length", host + "Content-Length:" + end, 400, "invalid Content-Length"},
		{"signed length", host + "Content-Length: +5" + end, 400, "invalid Content-Length"},
		{"negative length", host + "Content-Length: -5" + end, 400, "invalid Content-Length"},
		{"negative zero", host + "Content-Length: -0" + end, 400, "invalid Content-Length"},
		{"hexadecimal length", host + "Content-Length: 0x5" + end, 400, "invalid Content-Length"},
		{"length with a space", host + "Content-Length: 5 5" + end, 400, "invalid Content-Length"},
		{"length with a fraction", host + "Content-Length: 5.0" + end, 400, "invalid Content-Length"},
		{"length with an underscore", host + "Content-Length: 1_0" + end, 400, "invalid Content-Length"},
		{"length of 63 bits and one", host + "Content-Length: 9223372036854775808" + end, 400, "invalid Content-Length"},
		{"length of 64 bits and five", host + "Content-Length: 18446744073709551621" + end, 400, "invalid Content-Length"},
		{"length in other digits", host + "Content-Length: \xd9\xa5" + end, 400, "invalid Content-Length"},
		{"list of equal lengths", host + "Content-Length: 5, 5" + end, 400, "invalid Content-Length"},
		{"list of other lengths", host + "Content-Length: 5, 6" + end, 400, "invalid Content-Length"},
		{"length twice", host + "Content-Length: 5\r\nContent-Length: 5" + end, 400, "more than one Content-Length"},
		{"two lengths", host + "Content-Length: 5\r\ncontent-length: 6" + end, 400, "more than one Content-Length"},
		{"no length and a length", host + "Content-Length:\r\nContent-Length: 6" + end, 400, "more than one Content-Length"},
		{"length and coding", host + "Content-Length: 5\r\nTransfer-Encoding: chunked" + end, 400, "Content-Length and Transfer-Encoding"},
		{"coding and length", host + "Transfer-Encoding: chunked\r\nContent-Length: 5" + end, 400, "Content-Length and Transfer-Encoding"},
		{"length and unknown coding", host + "Content-Length: 5\r\nTransfer-Encoding: x" + end, 400, "Content-Length and Transfer-Encoding"},
		{"coding in HTTP/1.0", old + "Transfer-Encoding: chunked" + end, 400, "HTTP/1.0"},
		{"empty coding", host + "Transfer-Encoding:" + end, 400, "invalid Transfer-Encoding"},
		{"coding in quotes", host + "Transfer-Encoding: \"chunked\"" + end, 400, "invalid Transfer-Encoding"},
		{"chunked with a parameter", host + "Transfer-Encoding: chunked;q=1" + end, 400, "invalid Transfer-Encoding"},
		{"chunked with a vertical tab", host + "Transfer-Encoding: \vchunked" + end, 400, "control"},
		{"chunked behind a comma", host + "Transfer-Encoding: ,chunked" + end, 400, "invalid Transfer-Encoding"},
		{"chunked twice", host + "Transfer-Encoding: chunked, chunked" + end, 400, "invalid Transfer-Encoding"},
		{"chunked twice in two lines", host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked" + end, 400, "invalid Transfer-Encoding"},
		{"chunked not last", host + "Transfer-Encoding: chunked, gzip" + end, 400, "invalid Transfer-Encoding"},
		{"chunked not in the last line", host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip" + end, 400, "invalid Transfer-Encoding"},
		{"gzip and chunked", host + "Transfer-Encoding: gzip, chunked" + end, 501, ""},
		{"identity", host + "Transfer-Encoding: identity" + end, 501, ""},
		{"almost chunked", host + "Transfer-Encoding: xchunked" + end, 501, ""},
		{"Content-Length as a trailer", host + "Transfer-Encoding: chunked\r\nTrailer: x, content-length" + end, 400, "Trailer"},

		{"other expectation", host + "Expect: 200-ok" + end, 417, ""},
		{"one more expectation", host + "Expect: 100-continue, x" + end, 417, ""},
		{"smuggling before expectation", host + "Expect: x\r\nContent-Length: 1\r\nContent-Length: 1" + end, 400, ""},
	}
	var r http1.Request
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := parseAllWays(t, &r, http1.Limits{}, []byte(tt.stream))
			checkRefusal(t, got.err, tt.status, tt.detail)
			if got.n != 0 {
				t.Errorf("%q: accepted: %v", tt.stream, got)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	const head = "GET /12345 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
	fields := func(n int) string {
		return "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a:\r\n", n-1) + "\r\n"
	}
	long := "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 200) + "\r\n\r\n"
	tests := []struct {
		name   string
		limits http1.Limits
		stream string
		status int
	}{
		{"exact head", http1.Limits{MaxHead: len(head)}, head, 0},
		{"exact head and more", http1.Limits{MaxHead: len(head)}, head + "GET", 0},
		{"exact head behind empty lines", http1.Limits{MaxHead: len(head)}, "\r\n\r\n" + head, 0},
		{"head too long by one", http1.Limits{MaxHead: len(head) - 1}, head, 431},
		{"head that is too long already", http1.Limits{MaxHead: 30}, head[:30], 431},
		{"field too long", http1.Limits{MaxHead: 100}, long, 431},
		{"request line too long", http1.Limits{MaxHead: 20}, head, 414},
		{"request line too long already", http1.Limits{MaxHead: 15}, head[:15], 414},
		{"endless method", http1.Limits{MaxHead: 15}, strings.Repeat("A", 20), 501},
		{"a faulty line before the limit", http1.Limits{MaxHead: 40}, "GET / HTTP/1.1\r\nHost a\r\n" + long, 400},
		{"a faulty line across the limit", http1.Limits{MaxHead: 40}, "GET / HTTP/1.1\r\nHost: a\r\nX: \x00" + long, 431},
		{"exact fields", http1.Limits{MaxHeaders: 3}, fields(3), 0},
		{"fields too many by one", http1.Limits{MaxHeaders: 3}, fields(4), 431},
		{"default fields", http1.Limits{}, fields(http1.DefaultMaxHeaders), 0},
		{"one above the default", http1.Limits{}, fields(http1.DefaultMaxHeaders + 1), 431},
		{"negative limits are the default", http1.Limits{MaxHead: -1, MaxHeaders: -1}, head, 0},
	}
	var r http1.Request
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := parseAllWays(t, &r, tt.limits, []byte(tt.stream))
			checkRefusal(t, got.err, tt.status, "")
			if (got.n > 0) != (tt.status == 0) {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestParseDefaultHead is apart from the table because of its size.
func TestParseDefaultHead(t *testing.T) {
	const begin, end = "GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n"
	fill := strings.Repeat("x", http1.DefaultMaxHead-len(begin)-len(end))
	var r http1.Request
	for _, tt := range []struct {
		stream string
		status int
	}{
		{begin + fill + end, 0},
		{begin + fill + "x" + end, 431},
		{"GET /" + fill + fill, 414},
	} {
		for _, chunks := range [][][]byte{{[]byte(tt.stream)}, bytesOf([]byte(tt.stream))} {
			got := parse(t, &r, http1.Limits{}, chunks...)
			checkRefusal(t, got.err, tt.status, "")
			if (got.n > 0) != (tt.status == 0) {
				t.Errorf("n %d, error %v, want status %d", got.n, got.err, tt.status)
			}
		}
	}
}
