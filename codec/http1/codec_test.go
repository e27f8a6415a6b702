package http1_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

func TestCodec(t *testing.T) {
	const (
		get   = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		start = "POST / HTTP/1.1\r\nHost: a\r\n"
		post  = start + "Content-Length: 5\r\n\r\n"
	)
	tests := []struct {
		name   string
		codec  http1.Codec
		stream string
		frames []string
		rest   string
		status int
		detail string
	}{
		{"nothing", http1.Codec{}, "", nil, "", 0, ""},
		{"pipelined", http1.Codec{}, get + get + "GET", []string{get, get}, "GET", 0, ""},
		{"with body", http1.Codec{}, post + "hello" + get, []string{post + "hello", get}, "", 0, ""},
		{"a body that looks like a head", http1.Codec{}, post + "\r\n\r\n\n" + get, []string{post + "\r\n\r\n\n", get}, "", 0, ""},
		{"body to come", http1.Codec{}, post + "hell", nil, post + "hell", 0, ""},
		{"body of the largest size", http1.Codec{MaxBody: 5}, post + "hello" + get, []string{post + "hello", get}, "", 0, ""},
		{"body too large by one", http1.Codec{MaxBody: 4}, post + "G", []string{post}, "G", 0, ""},
		{"no bodies", http1.Codec{MaxBody: -1}, post + get, []string{post, get}, "", 0, ""},
		{"no body", http1.Codec{MaxBody: 5}, start + "Content-Length: 0\r\n\r\n" + get, []string{start + "Content-Length: 0\r\n\r\n", get}, "", 0, ""},
		{
			"length in any case and blanks", http1.Codec{}, start + "cONTENT-lENGTH:\t0005 \t\r\n\r\nhello!",
			[]string{start + "cONTENT-lENGTH:\t0005 \t\r\n\r\nhello"}, "!", 0, "",
		},
		{"length too large for an int", http1.Codec{MaxBody: math.MaxInt64}, start + "Content-Length: 9223372036854775807\r\n\r\nG", []string{start + "Content-Length: 9223372036854775807\r\n\r\n"}, "G", 0, ""},
		{"length too large for its type", http1.Codec{}, start + "Content-Length: 18446744073709551621\r\n\r\nG", []string{start + "Content-Length: 18446744073709551621\r\n\r\n"}, "G", 0, ""},
		{"chunked", http1.Codec{}, start + "Transfer-Encoding: chunked\r\n\r\n0", []string{start + "Transfer-Encoding: chunked\r\n\r\n"}, "0", 0, ""},
		{
			"expecting", http1.Codec{}, start + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\nG",
			[]string{start + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"}, "G", 0, "",
		},
		{
			"expecting behind the length", http1.Codec{}, start + "Content-Length: 5\r\nexpect:100-continue\r\n\r\nG",
			[]string{start + "Content-Length: 5\r\nexpect:100-continue\r\n\r\n"}, "G", 0, "",
		},
		{"length for Parse to refuse", http1.Codec{}, start + "Content-Length: 5, 5\r\n\r\nG", []string{start + "Content-Length: 5, 5\r\n\r\n"}, "G", 0, ""},
		{
			"lengths for Parse to refuse", http1.Codec{}, start + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nG",
			[]string{start + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"}, "G", 0, "",
		},
		{"names that only look like it", http1.Codec{}, start + "Content-Length2: 5\r\nX-Content-Length: 5\r\n\r\n", []string{start + "Content-Length2: 5\r\nX-Content-Length: 5\r\n\r\n"}, "", 0, ""},
		{"line that only looks like it", http1.Codec{}, "Content-Length: 5\r\n\r\n", []string{"Content-Length: 5\r\n\r\n"}, "", 0, ""},
		{"empty lines", http1.Codec{}, "\r\n\r\n" + get + "\r\n" + get + "\r\n\r", []string{get, get}, "\r\n\r", 0, ""},
		{"as many empty lines as may be", http1.Codec{}, strings.Repeat("\r\n", 8) + get, []string{get}, "", 0, ""},
		{"too many empty lines", http1.Codec{}, get + strings.Repeat("\r\n", 9) + get, []string{get}, "", 400, "empty lines"},
		{"CR alone before", http1.Codec{}, "\r" + get, nil, "", 400, "CR"},
		{"LF alone before", http1.Codec{}, get + "\n" + get, []string{get}, "", 400, "method"},
		{"TLS", http1.Codec{}, "\x16\x03\x01\x02\x00", nil, "", 400, "method"},
		{"bare LF", http1.Codec{}, "GET / HTTP/1.1\nHost: a\n\n", nil, "", 400, "without CR"},
		{"bare LF at the end", http1.Codec{}, get[:len(get)-2] + "\n", nil, "", 400, "without CR"},
		{"exact head", http1.Codec{Limits: http1.Limits{MaxHead: len(get)}}, get + get, []string{get, get}, "", 0, ""},
		{"head too long", http1.Codec{Limits: http1.Limits{MaxHead: len(get) - 1}}, get, nil, "", 431, "head"},
		{"request line too long", http1.Codec{Limits: http1.Limits{MaxHead: 10}}, get, nil, "", 414, ""},
		{"method too long", http1.Codec{Limits: http1.Limits{MaxHead: 10}}, "AAAAAAAAAAAAA", nil, "", 501, ""},
		{"exact fields", http1.Codec{Limits: http1.Limits{MaxHeaders: 2}}, post + "hello", []string{post + "hello"}, "", 0, ""},
		{"too many fields", http1.Codec{Limits: http1.Limits{MaxHeaders: 1}}, get + post + "hello", []string{get}, "", 431, "fields"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := decodeAllWays(t, tt.codec, []byte(tt.stream))
			if fmt.Sprintf("%q", got.frames) != fmt.Sprintf("%q", tt.frames) || string(got.rest) != tt.rest {
				t.Errorf("got %v, want %q, rest %q", got, tt.frames, tt.rest)
			}
			checkRefusal(t, got.err, tt.status, tt.detail)
			checkCuts(t, tt.codec, []byte(tt.stream))
		})
	}
}

// checkCuts checks for every request in the stream that is accepted that the
// codec has cut it where the strict parser and the length of the body say.
func checkCuts(t testing.TB, c http1.Codec, stream []byte) {
	t.Helper()
	var r http1.Request
	for {
		frame, n, err := c.Decode(stream)
		if n == 0 && err == nil {
			// Not complete. Then Parse must not see all of it.
			head, err := r.Parse(stream, 0, c.Limits)
			if head > 0 && err == nil && int64(head)+max(r.ContentLength, 0) <= int64(len(stream)) {
				t.Fatalf("%#v: %q: no frame, Parse says n %d, length %d", c, stream, head, r.ContentLength)
			}
			return
		}
		head, perr := r.Parse(stream, 0, c.Limits)
		if err != nil {
			if perr == nil && head > 0 {
				t.Fatalf("%#v: %q: error %v, Parse says n %d", c, stream, err, head)
			}
			return
		}
		if frame == nil {
			stream = stream[n:]
			continue
		}
		if perr == nil {
			want := head
			limit := c.MaxBody
			if limit == 0 {
				limit = 1 << 20
			}
			limit = min(limit, math.MaxInt-http1.DefaultMaxHead) // of what a frame may be
			if r.ContentLength > 0 && r.ContentLength <= limit && r.Header("Expect") == nil {
				want += int(r.ContentLength)
			}
			if head == 0 || len(frame) != want || n != want {
				t.Fatalf("%#v: %q: frame of %d, Parse says %d of %d", c, stream, n, head, want)
			}
			if again, err := r.Parse(frame, 0, c.Limits); again != head || err != nil {
				t.Fatalf("%#v: %q: n %d in the stream, %d and error %v in the frame", c, stream, head, again, err)
			}
		}
		stream = stream[n:]
	}
}

func TestCodecAppend(t *testing.T) {
	got, err := http1.Codec{}.Append([]byte("a"), []byte("b"))
	if string(got) != "ab" || err != nil {
		t.Errorf("%q, error %v", got, err)
	}
}
