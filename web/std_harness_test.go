package web_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// eachPoolMode runs a test on every poller, in Pool mode, which Handler needs.
func eachPoolMode(t *testing.T, f func(t *testing.T, m mode)) {
	for _, m := range modes() {
		if m.Dispatch == weir.Pool {
			t.Run(m.Poller.String(), func(t *testing.T) { f(t, m) })
		}
	}
}

// pool is the mode for tests to which pollers make no difference.
var pool = mode{Dispatch: weir.Pool}

// serveStd serves a handler until the test ends.
func serveStd(t testing.TB, m mode, h http.HandlerFunc) (addr string, s *weir.Server) {
	t.Helper()
	s = &weir.Server{Handler: web.Handler(h), Config: weir.Config{Logger: quiet()}}
	return serve(t, m, s), s
}

// serveNetHTTP serves a handler by net/http until the test ends.
func serveNetHTTP(t testing.TB, h http.Handler) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Close()
		receive(t, served, "net/http to end")
	})
	return ln.Addr().String()
}

// answer is a response as a client sees it.
type answer struct {
	status  string      // without the reason, which says nothing (RFC 9112, 4)
	header  http.Header // without Date
	length  int64
	coding  []string
	body    string
	err     string // of reading the body
	close   bool   // Connection: close, or what amounts to it
	trailer http.Header
}

func (a answer) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s length=%d coding=%q close=%v\n", a.status, a.length, a.coding, a.close)
	for _, k := range slices.Sorted(maps.Keys(a.header)) {
		fmt.Fprintf(&b, "  %s: %q\n", k, a.header[k])
	}
	body := a.body
	if len(body) > 2000 {
		body = fmt.Sprintf("%s... (%d bytes, %08x)", body[:100], len(body), checksum(body))
	}
	fmt.Fprintf(&b, "  body %q", body)
	if a.err != "" {
		fmt.Fprintf(&b, ", then %s", a.err)
	}
	for _, k := range slices.Sorted(maps.Keys(a.trailer)) {
		fmt.Fprintf(&b, "\n  trailer %s: %q", k, a.trailer[k])
	}
	return b.String()
}

func checksum(s string) (sum uint32) {
	for _, c := range []byte(s) {
		sum = sum*31 + uint32(c)
	}
	return sum
}

// converse sends the requests in pieces, and returns the answers until the server
// closes the connection, which the last request has to lead to.
func converse(t testing.TB, addr string, requests []string, cut func([]byte) [][]byte) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, p := range cut([]byte(strings.Join(requests, ""))) {
			if _, err := c.Write(p); err != nil {
				return // the server has had enough
			}
		}
	}()
	defer func() { <-sent }()
	defer c.Close()
	return readAnswers(c, requests)
}

// readAnswers reads the answers to requests, until the end of the stream.
func readAnswers(c io.Reader, requests []string) string {
	var all []string
	r := bufio.NewReader(c)
	for _, request := range requests {
		method, _, _ := strings.Cut(request, " ")
		for {
			a, err := readAnswer(r, method)
			if err != nil {
				all = append(all, "end: "+verdict(err))
				return strings.Join(all, "\n")
			}
			all = append(all, a.String())
			if !strings.HasPrefix(a.status, "HTTP/1.1 1") {
				break
			}
		}
	}
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		all = append(all, fmt.Sprintf("rest: %q %s", rest, verdict(err)))
	}
	return strings.Join(all, "\n")
}

// verdict is what an error at the end of a conversation means. Whether the client
// sees FIN or RST is a matter of luck if the server has not read all of the request.
func verdict(err error) string {
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
			return "timeout"
		}
		return "closed"
	}
	return fmt.Sprint(err)
}

func readAnswer(r *bufio.Reader, method string) (answer, error) {
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(res.Body)
	res.Body.Close()
	a := answer{
		status:  fmt.Sprint(res.Proto, " ", res.StatusCode),
		header:  res.Header,
		length:  res.ContentLength,
		coding:  res.TransferEncoding,
		body:    body.String(),
		trailer: res.Trailer,
		close:   res.Close,
	}
	if err != nil {
		a.err = verdict(err)
	}
	if res.Header.Get("Date") == "" {
		a.header.Set("Date", "missing")
	} else if _, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		a.header.Del("Date")
	}
	return a, nil
}

// The ways in which requests arrive.
func whole(b []byte) [][]byte { return [][]byte{b} }

func byteByByte(b []byte) [][]byte {
	pieces := make([][]byte, len(b))
	for i := range b {
		pieces[i] = b[i : i+1]
	}
	return pieces
}

func splitAt(i int) func([]byte) [][]byte {
	return func(b []byte) [][]byte { return [][]byte{b[:i], b[i:]} }
}
