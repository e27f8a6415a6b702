//go:build unix

package web_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// Thousands of clients that send or read as slowly as they can hold a bounded amount
// of memory, and a fresh client is served as if they were not there. How fast that is
// goes to the log: it is milliseconds.
func TestSlowClients(t *testing.T) {
	large := bytes.Repeat([]byte("x"), 256<<10)
	fast := web.Fast(func(x *web.Ctx) {
		if string(x.Path()) == "/large" {
			x.SetBody(large)
		}
	})
	std := func() *web.HTTP {
		return web.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/large" {
				w.Write(large)
			}
		}))
	}
	const budget = 64 << 20
	for _, server := range []struct {
		name     string
		handler  *web.HTTP
		dispatch weir.Dispatch
	}{
		{"fast, inline", fast, weir.Inline},
		{"fast, pool", fast, weir.Pool},
		{"net/http", std(), weir.Pool},
	} {
		for _, client := range []struct{ name, sends string }{
			{"head", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "},
			{"small body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\nx"},
			{"large body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx"},
			{"chunked body", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"},
			{"read", "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"},
		} {
			t.Run(server.name+"/slow "+client.name, func(t *testing.T) {
				conns := slowClients(t)
				s := &weir.Server{Handler: server.handler, Config: weir.Config{
					Logger:        quiet(),
					Workers:       8, // far fewer than clients
					HighWatermark: 64 << 10,
					MaxBuffered:   budget,
					Socket:        weir.SocketOptions{WriteBuffer: 8 << 10},
				}}
				addr := serve(t, mode{Dispatch: server.dispatch}, s)
				before := memory()
				held := make([]net.Conn, 0, conns)
				dialer := net.Dialer{Timeout: patience}
				for range conns {
					c, err := dialer.Dial("tcp", addr)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					c.(*net.TCPConn).SetReadBuffer(4 << 10)
					if _, err := io.WriteString(c, client.sends); err != nil {
						t.Fatal(err)
					}
					held = append(held, c)
				}
				eventually(t, "the server has what was sent", func() bool {
					return s.Stats().BytesIn >= uint64(conns*len(client.sends))
				})
				for _, c := range held { // and on they crawl, for a few bytes
					if client.name != "read" {
						io.WriteString(c, "y")
					} else {
						c.SetReadDeadline(time.Now().Add(patience))
						c.Read(make([]byte, 1))
					}
				}
				took := make([]time.Duration, 20)
				for i := range took {
					start := time.Now()
					fresh := dial(t, addr)
					io.WriteString(fresh, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
					resp, err := http.ReadResponse(bufio.NewReader(fresh), nil)
					if err != nil || resp.StatusCode != 200 {
						t.Fatalf("a fresh client got %v, %v", resp, err)
					}
					resp.Body.Close()
					fresh.Close()
					took[i] = time.Since(start)
				}
				slices.Sort(took)
				each := (memory() - before) / int64(conns)
				t.Logf("%d slow clients: fresh ones answered in %v (median), %v (worst); %d B of memory for each, %d B of buffers in all; %d workers",
					conns, took[len(took)/2], took[len(took)-1], each, s.Stats().Buffered, s.Stats().Workers)
				// The clients' ends are in this process, too, and the buffers are
				// up to three times as large as what is in them.
				if limit := int64(40<<10 + 6*budget/conns); each > limit && conns >= 1000 {
					t.Errorf("each slow client costs %d B, more than %d", each, limit)
				}
				if b := s.Stats().Buffered; b > 2*budget {
					t.Errorf("%d B are buffered, the budget is %d", b, budget)
				}
			})
		}
	}
}

// slowClients is how many there are: 5,000, but no more than there are descriptors
// for both ends, and fewer for go test -short.
func slowClients(t *testing.T) int {
	n := min(5000, descriptors()/2-200)
	if testing.Short() {
		n = min(n, 500)
	}
	if n < 100 {
		t.Skipf("too few descriptors (ulimit -n) for slow clients: %d", descriptors())
	}
	return n
}

// memory is what the process has in use, of its heap and of stacks.
func memory() int64 {
	runtime.GC()
	runtime.GC() // what pools keep goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
