package http1_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

// The seeds are in testdata/fuzz.

// fuzzMax keeps the inputs, each parsed once for each of its bytes, small.
const fuzzMax = 400

// stricter are the details of the refusals that net/http does not share, the
// deliberate ones; doc.go has the reasons. For all others, net/http has to
// refuse as well. There is no list of what net/http refuses and this package
// accepts: there must be nothing of that.
var stricter = map[string]bool{
	"line ends without CR":                    true,
	"CR without LF":                           true,
	"folded header line":                      true,
	"whitespace before the colon":             true,
	"control character in a header field":     true, // in a line that net/http takes for folded
	"invalid header field name":               true, // likewise
	"header line without a colon":             true, // likewise
	"invalid request target":                  true, // fragments, "*" with GET, opaque URIs
	"invalid authority in the request target": true, // userinfo, percent-encoding, CONNECT without a port
	"more than one Content-Length":            true, // which net/http takes if they agree
	"Content-Length and Transfer-Encoding":    true,
	"Transfer-Encoding in HTTP/1.0":           true, // which net/http ignores
	"forbidden field name in Trailer":         true, // a longer list
	"too many header fields":                  true,
	"head of the request too long":            true,
	"request line too long":                   true,
	"method too long":                         true,
	"too many empty lines before a request":   true,
	// These are left to http.Server by ReadRequest:
	"only HTTP/1 is spoken here":          true,
	"missing Host":                        true,
	"invalid Host":                        true,
	"expectation other than 100-continue": true,
}

// FuzzRequest compares Parse with net/http: what it accepts, net/http must
// accept, and understand in the same way.
func FuzzRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzMax {
			return
		}
		var r http1.Request
		parseAllWays(t, &r, http1.Limits{}, data)
		n, err := r.Parse(data, 0, http1.Limits{})
		compareWithNetHTTP(t, data, &r, n, err)
	})
}

// compareWithNetHTTP compares what Parse has made of data with net/http.
func compareWithNetHTTP(t testing.TB, data []byte, r *http1.Request, n int, err error) {
	t.Helper()
	stream := data // of which ReadRequest leaves empty lines to http.Server
	for bytes.HasPrefix(stream, []byte("\r\n")) {
		stream = stream[2:]
	}
	under := bytes.NewReader(stream)
	br := bufio.NewReader(under)
	want, wantErr := http.ReadRequest(br)
	var e *http1.Error
	switch {
	case errors.As(err, &e):
		if wantErr == nil && !stricter[e.Detail] {
			t.Fatalf("%q: %v, net/http accepts", data, err)
		}
	case n == 0:
		if wantErr == nil && bytes.Contains(stream, []byte("\r\n\r\n")) {
			t.Fatalf("%q: incomplete, net/http accepts", data)
		}
	case wantErr != nil:
		t.Fatalf("%q: %s, net/http says %v", data, describe(r), wantErr)
	default:
		if used := len(data) - br.Buffered() - under.Len(); used != n {
			t.Fatalf("%q: n %d, net/http reads %d", data, n, used)
		}
		compareRequests(t, data, r, want)
	}
}

func compareRequests(t testing.TB, data []byte, r *http1.Request, want *http.Request) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Fatalf("the request was %q", data)
		}
	}()
	// net/http has 0 for no length, and -1 for chunked.
	length := r.ContentLength
	if r.Chunked {
		if length != -1 {
			t.Errorf("length %d with chunked", length)
		}
	} else {
		length = max(length, 0)
	}
	switch {
	case string(r.Method) != want.Method:
		t.Errorf("method %q, net/http says %q", r.Method, want.Method)
	case string(r.Target) != want.RequestURI:
		t.Errorf("target %q, net/http says %q", r.Target, want.RequestURI)
	case string(r.Host) != want.Host:
		t.Errorf("host %q, net/http says %q", r.Host, want.Host)
	case r.Minor != min(want.ProtoMinor, 1) || want.ProtoMajor != 1:
		t.Errorf("minor %d, net/http says %s", r.Minor, want.Proto)
	case length != want.ContentLength:
		t.Errorf("length %d, net/http says %d", length, want.ContentLength)
	case r.Chunked != slices.Equal(want.TransferEncoding, []string{"chunked"}):
		t.Errorf("chunked %v, net/http says %q", r.Chunked, want.TransferEncoding)
	case r.Close != want.Close:
		t.Errorf("close %v, net/http says %v", r.Close, want.Close)
	}
	// net/http decodes the path, and leaves an empty one to the server.
	if want.Method != "CONNECT" {
		path, err := url.PathUnescape(string(r.Path()))
		if err != nil || path != want.URL.Path && (path != "/" || want.URL.Path != "") {
			t.Errorf("path %q, error %v, net/http says %q", r.Path(), err, want.URL.Path)
		}
		query := want.URL.RawQuery != "" || want.URL.ForceQuery
		if string(r.Query()) != want.URL.RawQuery || (r.Query() != nil) != query {
			t.Errorf("query %q, net/http says %q", r.Query(), want.URL.RawQuery)
		}
	}

	// The fields, without those that net/http takes out of its map, and the one
	// that it puts in.
	header := http.Header{}
	for _, h := range r.Headers {
		header.Add(string(h.Name), string(h.Value))
	}
	header.Del("Host")
	header.Del("Transfer-Encoding")
	if r.Chunked {
		header.Del("Trailer")
	}
	if _, ok := header["Cache-Control"]; !ok && slices.Equal(header["Pragma"][:min(1, len(header["Pragma"]))], []string{"no-cache"}) {
		want.Header.Del("Cache-Control")
	}
	if !maps.EqualFunc(header, want.Header, slices.Equal) {
		t.Errorf("fields %q, net/http says %q", header, want.Header)
	}
	for name, values := range header {
		if got := r.Header(name); string(got) != values[0] {
			t.Errorf("Header(%q) is %q, net/http says %q", name, got, values[0])
		}
	}
}

// FuzzCodec holds the light scan against the strict parser.
func FuzzCodec(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, maxHead, maxHeaders uint8, maxBody int16) {
		if len(data) > fuzzMax {
			return
		}
		for _, c := range []http1.Codec{
			{},
			{MaxBody: -1},
			{Limits: http1.Limits{MaxHead: int(maxHead), MaxHeaders: int(maxHeaders)}, MaxBody: int64(maxBody)},
		} {
			decodeAllWays(t, c, data)
			checkCuts(t, c, data)
		}
	})
}

// FuzzChunked compares Chunked with net/http: what it accepts, net/http must
// accept, and end in the same place with the same data and trailer fields.
func FuzzChunked(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzMax {
			return
		}
		var d http1.Chunked
		got := dechunkAllWays(t, &d, data)
		compareBodies(t, data, &d, got)
	})
}

// compareBodies compares what d has made of data with net/http.
func compareBodies(t testing.TB, data []byte, d *http1.Chunked, got dechunking) {
	t.Helper()
	if got.err != nil {
		return
	}
	under := io.MultiReader(strings.NewReader("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), bytes.NewReader(data))
	br := bufio.NewReader(under)
	want, err := http.ReadRequest(br)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(want.Body)
	if !got.done {
		if err == nil {
			t.Fatalf("%q: incomplete, net/http says %q", data, body)
		}
		return
	}
	rest, _ := io.ReadAll(br)
	if err != nil || !bytes.Equal(got.data, body) || string(data[got.n:]) != string(rest) {
		t.Fatalf("%q: %v, net/http says %q, rest %q, error %v", data, got, body, rest, err)
	}
	if _, n, err := d.Next(data[got.n:]); n != 0 || err != nil {
		t.Fatalf("%q: goes on for %d, error %v", data, n, err)
	}
	trailer := http.Header{}
	for _, h := range d.Trailer() {
		trailer.Add(string(h.Name), string(h.Value))
	}
	if len(trailer) != len(want.Trailer) || !maps.EqualFunc(trailer, want.Trailer, slices.Equal) {
		t.Fatalf("%q: trailer %q, net/http says %q", data, trailer, want.Trailer)
	}
}

// FuzzChunkCodec compares ChunkCodec with Chunked.
func FuzzChunkCodec(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, maxTrailer uint8) {
		if len(data) > fuzzMax {
			return
		}
		c := http1.ChunkCodec{MaxTrailer: int(maxTrailer)}
		d := http1.Chunked{MaxTrailer: int(maxTrailer)}
		decoded := decodeAllWays(t, c, data)
		got, want := dechunkFrames(decoded.frames), dechunkAllWays(t, &d, data)
		var e *http1.Error
		switch {
		case got.done || want.done:
			if got.String() != want.String() {
				t.Fatalf("%q: %v, Chunked says %v", data, got, want)
			}
		case errors.As(decoded.err, &e) && e.Status == 413 && want.err == nil:
		case decoded.err != want.err:
			t.Fatalf("%q: %v, Chunked says %v", data, decoded, want)
		case !bytes.HasPrefix(want.data, got.data):
			t.Fatalf("%q: %q, Chunked says %q", data, got.data, want.data)
		}
	})
}
