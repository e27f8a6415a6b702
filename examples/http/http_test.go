package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, run) }

// start starts the program on a free port.
func start(t testing.TB, args ...string) (p *clitest.Program, url string) {
	t.Helper()
	p = clitest.Start(t, run, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	return p, "http://" + p.Addr
}

// eachMode runs a test with each kind of handler, wherever it can run.
func eachMode(t *testing.T, f func(t *testing.T, args []string)) {
	for _, api := range []string{apiFast, apiNetHTTP} {
		t.Run(api, func(t *testing.T) {
			clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
				if api == apiNetHTTP && m.Dispatch == weir.Inline {
					return // refused, see TestMisuse
				}
				f(t, append(m.Args(), "-api", api))
			})
		})
	}
}

// client is one with connections of its own, which end with the test.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: clitest.Patience}
}

// roundTrip sends a request and returns the response with its whole body.
func roundTrip(t *testing.T, c *http.Client, method, url, contentType string, body io.Reader) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res, clitest.ReadAll(t, res.Body)
}

func TestFixedResponses(t *testing.T) {
	eachMode(t, func(t *testing.T, args []string) {
		_, url := start(t, args...)
		c := client(t)
		for _, want := range []struct{ path, contentType, body string }{
			{"/plaintext", "text/plain; charset=utf-8", "Hello, World!"},
			{"/plaintext?x=1", "text/plain; charset=utf-8", "Hello, World!"},
			{"/json", "application/json", `{"message":"Hello, World!"}`},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				res, body := roundTrip(t, c, method, url+want.path, "", nil)
				wantBody := want.body
				if method == "HEAD" {
					wantBody = ""
				}
				if res.StatusCode != 200 || string(body) != wantBody || res.Header.Get("Content-Type") != want.contentType ||
					res.ContentLength != int64(len(want.body)) || res.Header.Get("Date") == "" {
					t.Errorf("%s %s: %d, %v, %q", method, want.path, res.StatusCode, res.Header, body)
				}
			}
		}
	})
}

// Any method on any other path gets its body back, be its length known or not.
func TestEcho(t *testing.T) {
	eachMode(t, func(t *testing.T, args []string) {
		_, url := start(t, args...)
		c := client(t)
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			for _, path := range []string{"/", "/a//b", "/plaintext", "/%C3%A4?q"} {
				res, body := roundTrip(t, c, method, url+path, "text/x-weir", strings.NewReader("echo "+method))
				if res.StatusCode != 200 || string(body) != "echo "+method || res.Header.Get("Content-Type") != "text/x-weir" {
					t.Errorf("%s %s: %d, %v, %q", method, path, res.StatusCode, res.Header, body)
				}
			}
		}
		res, body := roundTrip(t, c, "GET", url+"/none", "", nil)
		if res.StatusCode != 200 || len(body) > 0 || res.Header.Get("Content-Type") != typeOctets {
			t.Errorf("GET without a body: %d, %v, %q", res.StatusCode, res.Header, body)
		}
		for _, size := range []int{1, 4 << 10, 64 << 10, 64<<10 + 1, 1 << 20} {
			sent := bytes.Repeat([]byte("0123456789abcde\n"), (size+15)/16)[:size]
			for name, reader := range map[string]io.Reader{
				"length": bytes.NewReader(sent),
				"chunks": struct{ io.Reader }{bytes.NewReader(sent)},
			} {
				res, body := roundTrip(t, c, "POST", url+"/large", "", reader)
				if res.StatusCode != 200 || !bytes.Equal(body, sent) {
					t.Errorf("%d bytes by %s: %d, got %d bytes, or others", size, name, res.StatusCode, len(body))
				}
			}
		}
	})
}

func TestLimits(t *testing.T) {
	eachMode(t, func(t *testing.T, args []string) {
		p, url := start(t, append(args, "-max-body", "1000", "-max-head", "2000", "-max-requests", "3")...)
		c := client(t)
		for name, body := range map[string]io.Reader{
			"length": strings.NewReader(strings.Repeat("x", 1001)),
			"chunks": struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 1001))},
		} {
			req, _ := http.NewRequest("POST", url, body)
			res, err := c.Do(req)
			if err != nil {
				// net/http's handler learns of it when it has written already.
				if args[len(args)-1] != apiNetHTTP || name != "chunks" {
					t.Errorf("a large body by %s: %v", name, err)
				}
				continue
			}
			if res.Body.Close(); res.StatusCode != 413 {
				t.Errorf("a large body by %s: status %d", name, res.StatusCode)
			}
		}
		if res, _ := roundTrip(t, c, "GET", url+"/"+strings.Repeat("x", 3000), "", nil); res.StatusCode != 414 && res.StatusCode != 431 {
			t.Errorf("a large head: status %d", res.StatusCode)
		}

		conn := p.Dial()
		io.WriteString(conn, strings.Repeat("GET /plaintext HTTP/1.1\r\nHost: weir\r\n\r\n", 5))
		got := string(clitest.ReadAll(t, conn))
		if strings.Count(got, "Hello, World!") != 3 || strings.Count(got, "Connection: close") != 1 {
			t.Errorf("with -max-requests 3: %q", got)
		}
		conn.Close()
		if code := p.Stop(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr)
		}
		p.Stdout.Await(t, regexp.MustCompile(`^http: served \d+ conns, .* frames, out .*refused: too large [1-3], closed: max-requests 1`), nil)
	})
}

// What breaks the rules is refused, and counted.
func TestMalformed(t *testing.T) {
	eachMode(t, func(t *testing.T, args []string) {
		p, _ := start(t, args...)
		conn := p.Dial()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 400 || !res.Close {
			t.Errorf("status %d, closing %v", res.StatusCode, res.Close)
		}
		conn.Close()
		p.Stop()
		p.Stdout.Await(t, regexp.MustCompile(`^http: served 1 conns, .*refused: malformed 1`), nil)
	})
}

func TestTimeouts(t *testing.T) {
	for _, test := range []struct{ flag, send string }{
		{"-idle", ""},
		{"-head-timeout", "GET / HTTP/1.1\r\nHost:"},
	} {
		t.Run(test.flag, func(t *testing.T) {
			p, _ := start(t, test.flag, "10ms")
			conn := p.Dial()
			io.WriteString(conn, test.send)
			if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("read %d bytes, %v, want the end of the connection", n, err)
			}
		})
	}
}

func TestStats(t *testing.T) {
	p, url := start(t, "-stats", "1ms", "-pprof", "127.0.0.1:0")
	addr := p.Stdout.Await(t, regexp.MustCompile(`profiles on (http://\S+/debug/pprof/)`), nil)[1]
	if res, body := roundTrip(t, client(t), "GET", addr+"cmdline", "", nil); res.StatusCode != 200 {
		t.Errorf("profiles: %d, %q", res.StatusCode, body)
	}
	roundTrip(t, client(t), "GET", url+"/json", "", nil)
	p.Stdout.Await(t, regexp.MustCompile(`^conns 1 \(\+\d+ -0\), in .*B/s, \d+ frames/s, out .*B/s`), nil)
}

// Requests that come together are answered in order.
func TestPipelining(t *testing.T) {
	eachMode(t, func(t *testing.T, args []string) {
		p, _ := start(t, args...)
		conn := p.Dial()
		const n = 200
		var requests bytes.Buffer
		for i := range n {
			body := fmt.Sprint(i)
			fmt.Fprintf(&requests, "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		}
		conn.Write(requests.Bytes())
		in := bufio.NewReader(conn)
		for i := range n {
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("response %d: %v", i, err)
			}
			body := clitest.ReadAll(t, res.Body)
			if string(body) != fmt.Sprint(i) {
				t.Fatalf("response %d is that of request %q", i, body)
			}
		}
	})
}
