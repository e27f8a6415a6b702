//go:build !race

// Under the race detector a sync.Pool forgets at random what it has been given.

package web_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

const typical = "GET /items/7?page=2 HTTP/1.1\r\nHost: weir.test\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n" +
	"Accept-Encoding: gzip, deflate\r\nAccept-Language: en\r\nCookie: session=0123456789abcdef\r\n\r\n"

func typicalHandler(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, "Hello, World!")
}

// exchanger returns a function that sends a request and receives its response,
// which ends with end, without allocating anything.
func exchanger(t testing.TB, addr, request, end string) func() {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	in, out, tail := []byte(request), make([]byte, 64<<10), []byte(end)
	return func() {
		if _, err := c.Write(in); err != nil {
			t.Fatal(err)
		}
		for n := 0; !bytes.HasSuffix(out[:n], tail); {
			k, err := c.Read(out[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
	}
}

// A request costs fewer allocations than with net/http: the Request and the
// response, the header of each and its entries, a string and a slice for all of the
// header, and the handler's own.
func TestHandlerAllocations(t *testing.T) {
	h := http.HandlerFunc(typicalHandler)
	count := func(addr string) float64 {
		f := exchanger(t, addr, typical, "Hello, World!")
		return testing.AllocsPerRun(2000, f)
	}
	addr, _ := serveStd(t, pool, h)
	got, std := count(addr), count(serveNetHTTP(t, h))
	t.Logf("%v allocations for a request, net/http: %v", got, std)
	if got > 10 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkHandler(b *testing.B) {
	s := &weir.Server{Handler: web.Handler(http.HandlerFunc(typicalHandler))}
	f := exchanger(b, serve(b, pool, s), typical, "Hello, World!")
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
}

func BenchmarkNetHTTP(b *testing.B) {
	f := exchanger(b, serveNetHTTP(b, http.HandlerFunc(typicalHandler)), typical, "Hello, World!")
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
}
