package web_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// hijack is what a handler does that takes the connection.
func hijack(t *testing.T, w http.ResponseWriter) (net.Conn, *bufio.ReadWriter) {
	t.Helper()
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("Hijack: %v", err)
		panic(http.ErrAbortHandler)
	}
	return c, rw
}

// echoLines answers each line, in capitals, until the peer or it has had enough.
func echoLines(c net.Conn, rw *bufio.ReadWriter) {
	defer c.Close()
	for {
		line, err := rw.ReadString('\n')
		if err != nil || line == "quit\n" {
			return
		}
		rw.WriteString(strings.ToUpper(line))
		rw.Flush()
	}
}

// A hijacked connection works within ServeHTTP and after it, with what came before,
// also with what came together with the request.
func TestHijack(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after ServeHTTP %v", after), func(t *testing.T) {
			eachPoolMode(t, func(t *testing.T, m mode) {
				addr, s := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
					c, rw := hijack(t, w)
					if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrHijacked) {
						t.Errorf("the second Hijack: %v", err)
					}
					if _, err := w.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
						t.Errorf("Write: %v", err)
					}
					w.WriteHeader(500) // is logged
					fmt.Fprintf(c, "hello %s\n", c.RemoteAddr())
					if after {
						go echoLines(c, rw)
					} else {
						echoLines(c, rw)
					}
				})
				c := dial(t, addr)
				io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nbody\nbodnext")
				r := bufio.NewReader(c)
				for _, step := range []struct{ send, want string }{
					{"", "hello " + c.LocalAddr().String() + "\n"},
					{"", "BODY\n"},
					{"\n", "BODNEXT\n"},
					{"more\n", "MORE\n"},
					{strings.Repeat("x", 200_000) + "\n", strings.Repeat("X", 200_000) + "\n"},
				} {
					go io.WriteString(c, step.send)
					got, err := r.ReadString('\n')
					if got != step.want || err != nil {
						t.Fatalf("%.100q instead of %.100q: %v", got, step.want, err)
					}
				}
				io.WriteString(c, "quit\n")
				if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
					t.Errorf("in the end %q, %v", rest, err)
				}
				c.Close()
				eventually(t, "the connection has ended", func() bool { return s.Stats().Conns == 0 })
				if n := s.Handler.(*web.HTTP).Stats().Upgrades; n != 1 {
					t.Errorf("%d upgrades are counted", n)
				}
			})
		})
	}
}

func TestHijackDeadline(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		addr, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
			c, rw := hijack(t, w)
			defer c.Close()
			c.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := rw.ReadByte()
			fmt.Fprintf(c, "%v\n", errors.Is(err, os.ErrDeadlineExceeded))
			c.SetReadDeadline(time.Time{})
			fmt.Fprintln(c, "go on")
			b, err := bufio.NewReader(c).ReadString('\n')
			fmt.Fprint(c, b, err)
		})
		c := dial(t, addr)
		io.WriteString(c, get)
		r := bufio.NewReader(c)
		for _, want := range []string{"true\n", "go on\n"} {
			if got, err := r.ReadString('\n'); got != want {
				t.Fatalf("%q instead of %q, %v", got, want, err)
			}
		}
		io.WriteString(c, "abc\n")
		if rest, _ := io.ReadAll(r); string(rest) != "abc\n<nil>" {
			t.Errorf("got %q", rest)
		}
	})
}

// The limits of a body that was read in part do not hold for what follows it.
func TestHijackWithinABody(t *testing.T) {
	const grace = 20 * time.Millisecond
	eachPoolMode(t, func(t *testing.T, m mode) {
		for _, head := range []string{"Content-Length: 100000\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n1000\r\nabc"} {
			addr, _, _ := limited(t, m, web.Limits{HeadTimeout: grace, BodyRate: 1 << 30}, func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.ReadFull(r.Body, make([]byte, 3)); err != nil {
					t.Error(err)
				}
				reading := make(chan struct{})
				go func() {
					close(reading)
					r.Body.Read(make([]byte, 1))
				}()
				<-reading
				c, rw := hijack(t, w)
				io.WriteString(c, "mine\n")
				go echoLines(c, rw)
			})
			c := dial(t, addr)
			io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\n"+head)
			r := bufio.NewReader(c)
			for _, want := range []string{"mine\n", "LATE\n"} {
				if got, err := r.ReadString('\n'); got != want {
					t.Fatalf("%q instead of %q, %v", got, want, err)
				}
				<-time.After(2 * grace) // longer than the body would have had
				io.WriteString(c, "late\n")
			}
		}
	})
}

// What was written in the way of http.ResponseWriter is sent before.
func TestHijackAfterWriteHeader(t *testing.T) {
	addr, _ := serveStd(t, pool, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "upgrade")
		w.Header().Set("Upgrade", "test")
		w.WriteHeader(http.StatusSwitchingProtocols)
		c, _ := hijack(t, w)
		defer c.Close()
		io.WriteString(c, "the other protocol")
	})
	c := dial(t, addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: test\r\n\r\n")
	all, err := io.ReadAll(c)
	if got, want := withoutDate(string(all)), "HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: upgrade\r\n\r\nthe other protocol"; got != want || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A handler that panics after Hijack has closed its connection.
func TestPanicAfterHijack(t *testing.T) {
	addr, s := serveStd(t, pool, func(w http.ResponseWriter, r *http.Request) {
		c, _ := hijack(t, w)
		io.WriteString(c, "bye")
		panic("after Hijack")
	})
	c := dial(t, addr)
	io.WriteString(c, get)
	if all, err := io.ReadAll(c); string(all) != "bye" || err != nil {
		t.Errorf("got %q, %v", all, err)
	}
	if n := s.Stats().Panics; n != 1 {
		t.Errorf("%d panics are counted", n)
	}
}

// upgradeByHand is how WebSocket libraries for net/http go about it.
func upgradeByHand(t *testing.T, w http.ResponseWriter, r *http.Request) {
	h, ok := w.(http.Hijacker)
	if !ok {
		t.Error("the response is no Hijacker")
		return
	}
	c, rw, err := h.Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if rw.Reader.Buffered() > 0 {
		t.Error("the client has sent data before the handshake was complete")
		return
	}
	c.SetDeadline(time.Time{})
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		websocket.AcceptKey(r.Header.Get("Sec-Websocket-Key")))
	for {
		var head [6]byte // a short, masked text
		if _, err := io.ReadFull(rw, head[:]); err != nil {
			return
		}
		payload := make([]byte, head[1]&0x7f)
		if _, err := io.ReadFull(rw, payload); err != nil {
			return
		}
		for i := range payload {
			payload[i] ^= head[2+i%4]
		}
		c.Write(append([]byte{head[0], byte(len(payload))}, payload...))
	}
}

// A WebSocket by a library that knows nothing of weir, and the same through a
// reverse proxy on weir.
func TestUpgradeByHand(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		back, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) { upgradeByHand(t, w, r) })
		front, _ := serveStd(t, m, httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: back}).ServeHTTP)
		for _, addr := range []string{back, front} {
			c := dial(t, addr)
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			r := bufio.NewReader(c)
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != 101 || res.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Fatalf("%v", res)
			}
			for _, text := range []string{"hello", "", strings.Repeat("x", 125)} {
				frame := append([]byte{0x81, 0x80 | byte(len(text)), 1, 2, 3, 4}, text...)
				for i := range text {
					frame[6+i] ^= byte(1 + i%4)
				}
				c.Write(frame)
				got := make([]byte, 2+len(text))
				if _, err := io.ReadFull(r, got); err != nil || string(got[2:]) != text {
					t.Fatalf("%q came back as %q, %v", text, got, err)
				}
			}
			c.Close()
		}
	})
}

// A hijacked connection that nobody has closed does not hold up Close.
func TestCloseWithHijackedConnections(t *testing.T) {
	ended := make(chan error, 1)
	h := web.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw := hijack(t, w)
		fmt.Fprintln(c, "mine")
		go func() {
			defer c.Close()
			_, err := rw.ReadByte()
			ended <- err
		}()
	}))
	s := &weir.Server{Handler: h, Config: weir.Config{Logger: quiet()}}
	addr := serve(t, pool, s)
	c := dial(t, addr)
	io.WriteString(c, get)
	bufio.NewReader(c).ReadString('\n')
	s.Close()
	if err := receive(t, ended, "the end of the read"); err == nil {
		t.Error("the read goes on")
	}
}
