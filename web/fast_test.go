package web_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// describe is a handler that answers with what it has been asked.
func describe(x *web.Ctx) {
	x.SetContentType("text/plain")
	x.AddHeader("X-Agent", string(x.Header("User-Agent")))
	fmt.Fprintf(x, "%s %s ?%s host=%s body=%q", x.Method, x.Path(), x.Query(), x.Host, x.Body())
}

// exchange sends input in pieces and returns everything that comes back until the
// server closes the connection, which input has to ask for. Date is taken out.
func exchange(t *testing.T, addr string, pieces ...[]byte) string {
	t.Helper()
	c := dial(t, addr)
	for _, p := range pieces {
		if _, err := c.Write(p); err != nil {
			break // refused already
		}
	}
	all, err := io.ReadAll(c)
	if err != nil && len(all) == 0 {
		t.Fatalf("%v", err)
	}
	c.Close()
	return withoutDate(string(all))
}

func withoutDate(s string) string {
	lines := strings.SplitAfter(s, "\r\n")
	kept := lines[:0]
	for _, l := range lines {
		if !strings.HasPrefix(l, "Date: ") {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "")
}

var fastCases = []struct{ name, in, want string }{
	{"get", "GET /a?b=c HTTP/1.1\r\nHost: x\r\nuser-agent: me\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 26\r\nConnection: close\r\nX-Agent: me\r\n\r\nGET /a ?b=c host=x body=\"\""},
	{"http/1.0", "GET /a HTTP/1.0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 22\r\nConnection: close\r\nX-Agent: \r\n\r\nGET /a ? host= body=\"\""},
	{"http/1.0 keep-alive", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 22\r\nConnection: keep-alive\r\nX-Agent: \r\n\r\nGET /a ? host= body=\"\"" +
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 22\r\nConnection: close\r\nX-Agent: \r\n\r\nGET /b ? host= body=\"\""},
	{"pipelined with bodies", "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: x\r\n\r\n" +
		"POST /3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n1;x=y\r\nf\r\n0\r\nT: v\r\n\r\n" +
		"PUT /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\ng",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 27\r\nX-Agent: \r\n\r\nPOST /1 ? host=x body=\"abc\"" +
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 23\r\nX-Agent: \r\n\r\nGET /2 ? host=x body=\"\"" +
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 27\r\nX-Agent: \r\n\r\nPOST /3 ? host=x body=\"def\"" +
			"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\nX-Agent: \r\n\r\nPUT /4 ? host=x body=\"g\""},
	{"head", "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\nX-Agent: \r\n\r\n"},
	{"expect", "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 26\r\nConnection: close\r\nX-Agent: \r\n\r\nPOST /a ? host=x body=\"ok\""},
	{"expect, chunked", "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 26\r\nConnection: close\r\nX-Agent: \r\n\r\nPOST /a ? host=x body=\"ok\""},
}

// Requests give the same responses however they arrive.
func TestFastRequestsInPieces(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		addr := serve(t, m, &weir.Server{Handler: web.Fast(describe)})
		for _, tc := range fastCases {
			t.Run(tc.name, func(t *testing.T) {
				in := []byte(tc.in)
				if got := exchange(t, addr, in); got != tc.want {
					t.Fatalf("whole:\n%q, want\n%q", got, tc.want)
				}
				if got := exchange(t, addr, bytes.SplitAfter(in, nil)...); got != tc.want {
					t.Errorf("byte by byte:\n%q, want\n%q", got, tc.want)
				}
				for i := 1; i < len(in); i++ {
					if got := exchange(t, addr, in[:i], in[i:]); got != tc.want {
						t.Fatalf("split at %d:\n%q, want\n%q", i, got, tc.want)
					}
				}
			})
		}
	})
}

// What is refused gets its status, and the end of the connection; the requests
// before it are answered, those behind it are not.
func TestFastRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		status   int
	}{
		{"no method", " / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"bare LF", "GET / HTTP/1.1\nHost: x\n\n", 400},
		{"no host", "GET / HTTP/1.1\r\n\r\n", 400},
		{"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		{"length and chunks", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"unknown coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		{"version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
		{"long head", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20<<10), 431},
		{"long target", "GET /" + strings.Repeat("x", 20<<10), 414},
		{"body too large", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413},
		{"body too large, expected", "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n", 413},
		{"chunks too large", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\n" + strings.Repeat("x", 500) + "\r\n1f5\r\n" + strings.Repeat("x", 501) + "\r\n0\r\n\r\n", 413},
		{"bad chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
		{"expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", 417},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				h := web.Fast(describe)
				h.Limits.MaxBody = 1000
				addr := serve(t, m, &weir.Server{Handler: h})
				before := "GET /first HTTP/1.1\r\nHost: x\r\n\r\n"
				c := dial(t, addr)
				io.WriteString(c, before+tc.in)
				r := bufio.NewReader(c)
				for i, want := range []int{200, tc.status} {
					resp, err := http.ReadResponse(r, nil)
					if err != nil {
						t.Fatalf("response %d: %v", i+1, err)
					}
					if io.Copy(io.Discard, resp.Body); resp.StatusCode != want {
						t.Fatalf("response %d: %s, want %d", i+1, resp.Status, want)
					}
					if want != 200 && !resp.Close {
						t.Error("the response does not say that the connection closes")
					}
				}
				if n, err := io.Copy(io.Discard, r); n != 0 {
					t.Errorf("%d bytes follow the refusal, %v", n, err)
				}
				if s := h.Stats(); s.Malformed+s.TooLarge != 1 || (s.TooLarge == 1) != (tc.status == 413 || tc.status == 414 || tc.status == 431) {
					t.Errorf("counted: %+v", s)
				}
			})
		})
	}
}

func TestFastPanicIs500(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		h := web.Fast(func(x *web.Ctx) {
			x.AddHeader("X-Secret", "1")
			x.WriteString("half a")
			panic("on purpose")
		})
		addr := serve(t, m, &weir.Server{Handler: h, Config: weir.Config{Logger: quiet()}})
		got := exchange(t, addr, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"))
		want := "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 22\r\nConnection: close\r\n\r\nInternal Server Error\n"
		if got != want {
			t.Errorf("%q, want\n%q", got, want)
		}
		if h.Stats().Panics != 1 {
			t.Errorf("counted: %+v", h.Stats())
		}
	})
}

func TestFastResponses(t *testing.T) {
	large := strings.Repeat("0123456789", 30_000)
	answers := map[string]func(x *web.Ctx){
		"/empty":     func(x *web.Ctx) {},
		"/204":       func(x *web.Ctx) { x.SetStatus(204); x.WriteString("not sent") },
		"/304":       func(x *web.Ctx) { x.SetStatus(304); x.SetBody([]byte("not sent")) },
		"/large":     func(x *web.Ctx) { x.SetBody([]byte(large)) },
		"/mixed":     func(x *web.Ctx) { x.SetBody([]byte("ab")); x.WriteString("cd"); x.Write([]byte("ef")) },
		"/replaced":  func(x *web.Ctx) { x.WriteString("abc"); x.SetBody([]byte("xyz")) },
		"/error":     func(x *web.Ctx) { x.WriteString("abc"); x.Error(404, "no such thing") },
		"/injection": func(x *web.Ctx) { x.AddHeader("X-A", "b\r\nX-C: d"); x.AddHeader("bad name", "x") },
		"/own":       func(x *web.Ctx) { x.AddHeader("Content-Length", "77"); x.AddHeader("transfer-encoding", "chunked") },
		"/close":     func(x *web.Ctx) { x.CloseConn() },
		"/1xx":       func(x *web.Ctx) { x.SetStatus(100) },
	}
	wants := []struct{ path, want string }{
		{"/empty", "200 Content-Length=0 "},
		{"/204", "204 "},
		{"/304", "304 "},
		{"/large", "200 Content-Length=300000 " + large},
		{"/mixed", "200 Content-Length=6 abcdef"},
		{"/replaced", "200 Content-Length=3 xyz"},
		{"/error", "404 Content-Length=14 Content-Type=text/plain; charset=utf-8 no such thing\n"},
		{"/injection", "200 Content-Length=0 X-A=b  X-C: d "},
		{"/own", "200 Content-Length=0 "},
		{"/1xx", "500 Content-Length=0 "},
		{"/close", "200 Connection=close Content-Length=0 "},
	}
	eachMode(t, func(t *testing.T, m mode) {
		addr := serve(t, m, &weir.Server{Handler: web.Fast(func(x *web.Ctx) { answers[string(x.Path())](x) })})
		c := dial(t, addr)
		r := bufio.NewReader(c)
		var in bytes.Buffer
		for _, w := range wants {
			fmt.Fprintf(&in, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", w.path)
		}
		go c.Write(in.Bytes())
		for _, w := range wants {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("%s: %v", w.path, err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatalf("%s: %v", w.path, err)
			}
			if resp.Header.Get("Date") == "" {
				t.Errorf("%s: no Date", w.path)
			}
			got := fmt.Sprintf("%d ", resp.StatusCode)
			if resp.Close {
				got += "Connection=close "
			}
			for _, name := range []string{"Content-Length", "Content-Type", "X-A", "Bad Name", "Transfer-Encoding"} {
				if v := resp.Header.Get(name); v != "" {
					got += name + "=" + v + " "
				}
			}
			if got += string(body); got != w.want {
				t.Errorf("%s: %.200q, want %.200q", w.path, got, w.want)
			}
		}
		if _, err := r.ReadByte(); err != io.EOF {
			t.Errorf("after Connection: close comes %v", err)
		}
	})
}

func TestMaxRequests(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		h := web.Fast(describe)
		h.Limits.MaxRequests = 3
		addr := serve(t, m, &weir.Server{Handler: h})
		got := exchange(t, addr, bytes.Repeat([]byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 5))
		if n, closing := strings.Count(got, "200 OK"), strings.Count(got, "Connection: close"); n != 3 || closing != 1 {
			t.Errorf("%d responses, %d of them the last:\n%s", n, closing, got)
		}
		if h.Stats().LastOnes != 1 {
			t.Errorf("counted: %+v", h.Stats())
		}
	})
}

// MaxRequests counts in the connection's Context, but never writes over, or into, what
// somebody else has put there.
func TestMaxRequestsAndContext(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		mine := new(int)
		h := web.Fast(func(x *web.Ctx) {
			if string(x.Path()) == "/first" {
				x.Conn().SetContext(mine)
			} else if x.Conn().Context() != mine || *mine != 0 {
				x.Error(http.StatusConflict, "the Context has changed")
			}
		})
		h.Limits.MaxRequests = 10
		addr := serve(t, m, &weir.Server{Handler: h})
		const next = "GET / HTTP/1.1\r\nHost: x\r\n"
		got := exchange(t, addr, []byte("GET /first HTTP/1.1\r\nHost: x\r\n\r\n"+next+"\r\n"+next+"Connection: close\r\n\r\n"))
		if strings.Count(got, "200 OK") != 3 {
			t.Errorf("got %s", got)
		}
	})
}

// A response that does not fit into the socket waits there, and holds back the
// requests behind it.
func TestFastSlowReader(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		body := bytes.Repeat([]byte("x"), 1<<20)
		s := &weir.Server{Handler: web.Fast(func(x *web.Ctx) { x.SetBody(body) })}
		addr := serve(t, m, s)
		c := dial(t, addr)
		const requests = 50
		go c.Write(bytes.Repeat([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), requests))
		eventually(t, "the backlog is above the high watermark", func() bool { return s.Stats().HighWatermarks > 0 })
		if b := s.Stats().Buffered; b > 8<<20 {
			t.Errorf("%d bytes are buffered", b)
		}
		r := bufio.NewReader(c)
		for i := range requests {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("response %d: %v", i+1, err)
			}
			if n, err := io.Copy(io.Discard, resp.Body); n != int64(len(body)) {
				t.Fatalf("response %d: %d bytes, %v", i+1, n, err)
			}
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, s := range map[string]*weir.Server{
		"handler inline":  {Handler: web.Handler(http.NotFoundHandler()), Config: weir.Config{Dispatch: weir.Inline}},
		"negative":        {Handler: &web.HTTP{}},
		"fast, unlimited": {Handler: func() *web.HTTP { h := web.Fast(describe); h.Limits.MaxBody = -1; return h }()},
		"max head":        {Handler: func() *web.HTTP { h := web.Fast(describe); h.Limits.MaxHead = -1; return h }()},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		err = s.Serve(ln)
		if _, ok := err.(*weir.ConfigError); !ok {
			t.Errorf("%s: %v", name, err)
		}
		ln.Close()
		s.Close()
	}
}

// BenchmarkFastTinyChunks is the cost of a byte that comes as a chunk of its own,
// behind a head as large as it may be: nothing that grows with the head.
func BenchmarkFastTinyChunks(b *testing.B) {
	for name, head := range map[string]int{"small head": 1, "large head": 96} {
		b.Run(name, func(b *testing.B) {
			const chunks = 10_000
			addr := serve(b, mode{Dispatch: weir.Inline}, &weir.Server{Handler: web.Fast(func(x *web.Ctx) {})})
			request := []byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" +
				strings.Repeat("X-Filler: "+strings.Repeat("x", 150)+"\r\n", head) + "\r\n" +
				strings.Repeat("1\r\nx\r\n", chunks) + "0\r\n\r\n")
			c := dial(b, addr)
			in := bufio.NewReader(c)
			for b.Loop() {
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				r, err := http.ReadResponse(in, nil)
				if err != nil || r.StatusCode != http.StatusOK {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/chunks, "ns/chunk")
		})
	}
}
