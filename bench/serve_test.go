//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// serving starts a server process for a test.
func serving(t *testing.T, benchmark, peer string, flags ...string) (server *child, addr string) {
	t.Helper()
	c, hello, err := startChild(t.Context(), peer, nil, os.Stderr, append([]string{"serve", "-bench", benchmark, "-peer", peer}, flags...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c, hello.Addr
}

func asks(t *testing.T, c *child, req request) reply {
	t.Helper()
	r, err := c.call(t.Context(), 20*time.Second, req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A client is one connection to a server of any benchmark.
type client struct {
	net.Conn
	r         io.Reader
	benchmark string
}

const clientPatience = 20 * time.Second

func dial(t *testing.T, benchmark, addr string) *client {
	t.Helper()
	c := &client{benchmark: benchmark}
	var err error
	if benchmark == "ws" {
		var buffered *bufio.Reader
		c.Conn, buffered, _, err = ws.Dial(t.Context(), "ws://"+addr+wsPath)
		if c.r = c.Conn; buffered != nil {
			c.r = io.MultiReader(buffered, c.Conn)
		}
	} else {
		c.Conn, err = net.Dial("tcp", addr)
		c.r = c.Conn
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(clientPatience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends a message and checks the answer.
func (c *client) exchange(message string) error {
	switch c.benchmark {
	case "http":
		if _, err := io.WriteString(c, "GET /plaintext HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(bufio.NewReader(c.r), nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != httpBody {
			return fmt.Errorf("the body is %q, %v", body, err)
		}
		return nil
	case "ws":
		if err := wsutil.WriteClientBinary(c, []byte(message)); err != nil {
			return err
		}
	default:
		if _, err := io.WriteString(c, message); err != nil {
			return err
		}
	}
	return c.expect([]byte(message))
}

// expect reads a message and compares it.
func (c *client) expect(message []byte) error {
	got := make([]byte, len(message))
	var err error
	if c.benchmark == "ws" {
		var h ws.Header
		h, err = ws.ReadHeader(c.r)
		if err == nil && (h.OpCode != ws.OpBinary || h.Masked || !h.Fin || h.Length != int64(len(message))) {
			err = fmt.Errorf("the frame is %+v", h)
		}
	}
	if err == nil {
		_, err = io.ReadFull(c.r, got)
	}
	if err == nil && !bytes.Equal(got, message) {
		err = fmt.Errorf("got %.40q, want %.40q", got, message)
	}
	return err
}

// ended waits for the end of the connection and returns an error if it does not
// come. What the server says before that does not matter.
func (c *client) ended() error {
	_, err := io.Copy(io.Discard, c.r)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the connection is still open")
	}
	return nil
}

// eachPeer runs a test for every peer that works.
func eachPeer(t *testing.T, test func(t *testing.T, benchmark string, p peer)) {
	for _, b := range benchmarks() {
		for _, p := range b.peers {
			if strings.HasPrefix(p.name, "broken-") {
				continue
			}
			t.Run(b.name+" "+p.name, func(t *testing.T) {
				t.Parallel()
				test(t, b.name, p)
			})
		}
	}
}

func TestBroadcast(t *testing.T) {
	eachPeer(t, func(t *testing.T, benchmark string, p peer) {
		server, addr := serving(t, benchmark, p.name)
		if benchmark == "http" {
			if _, err := server.call(t.Context(), 20*time.Second, request{Cmd: "broadcast", Size: 64}); err == nil || !strings.Contains(err.Error(), "cannot broadcast") {
				t.Errorf("broadcast: %v", err)
			}
			return
		}
		if r := asks(t, server, request{Cmd: "broadcast", Size: 64}); r.Count == nil || r.Count.Done != 0 {
			t.Errorf("without connections: %+v", r.Count)
		}
		const conns = 50
		var clients []*client
		for i := range conns + 1 {
			c := dial(t, benchmark, addr)
			if err := c.exchange(fmt.Sprintf("connection %d", i)); err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
		}
		// One that has gone is no obstacle.
		clients[conns].Close()
		clients = clients[:conns]
		for _, size := range []int{1, 64, 5000, 70_000} { // whatever a frame's length is written in
			at := monotonic() + int64(10*time.Millisecond)
			r := asks(t, server, request{Cmd: "broadcast", Size: size, At: at})
			if r.Count == nil || r.Count.Done < conns || r.Count.Done > conns+1 || r.Count.First < at || r.Count.Last < r.Count.First {
				t.Errorf("%d B at %d: %+v", size, at, r.Count)
			}
			for i, c := range clients {
				if err := c.expect(broadcastPayload(size)); err != nil {
					t.Fatalf("%d B on connection %d: %v", size, i, err)
				}
			}
		}
		for _, c := range clients {
			if err := c.exchange("and nothing more"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := server.call(t.Context(), 20*time.Second, request{Cmd: "broadcast"}); err == nil {
			t.Error("a broadcast of nothing")
		}
	})
}

// With an idle timeout those who are silent go, and those who speak stay.
func TestIdle(t *testing.T) {
	eachPeer(t, func(t *testing.T, benchmark string, p peer) {
		if p.name == "floor" {
			_, _, err := startChild(t.Context(), p.name, nil, io.Discard, "serve", "-peer", p.name, "-idle", "1s")
			if err == nil {
				t.Error("the floor has no timers")
			}
			return
		}
		_, addr := serving(t, benchmark, p.name, "-idle", "2s")
		silent, speaking := dial(t, benchmark, addr), dial(t, benchmark, addr)
		if err := silent.exchange("hello"); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- silent.ended() }()
		for every := time.NewTicker(100 * time.Millisecond); ; {
			if err := speaking.exchange("hello"); err != nil {
				t.Fatalf("the one that speaks: %v", err)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the silent one: %v", err)
				}
				return
			case <-every.C:
			}
		}
	})
}

// A handler that sleeps answers, but not before it has slept, once for a message.
func TestServeWork(t *testing.T) {
	eachPeer(t, func(t *testing.T, benchmark string, p peer) {
		const messages, each = 5, 2 * time.Millisecond
		_, addr := serving(t, benchmark, p.name, "-work", "sleep:"+each.String())
		c := dial(t, benchmark, addr)
		began := time.Now()
		for range messages {
			if err := c.exchange("hello"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < messages*each {
			t.Errorf("%d messages took %v", messages, took)
		}
	})
}

// Two processes share a port.
func TestReusePort(t *testing.T) {
	eachPeer(t, func(t *testing.T, benchmark string, p peer) {
		first, addr := serving(t, benchmark, p.name, "-reuseport")
		_, again := serving(t, benchmark, p.name, "-reuseport", "-addr", addr)
		if addr != again {
			t.Fatalf("they listen on %s and %s", addr, again)
		}
		for range 4 {
			if err := dial(t, benchmark, addr).exchange("hello"); err != nil {
				t.Fatal(err)
			}
		}
		first.stop()
		if err := dial(t, benchmark, addr).exchange("hello"); err != nil {
			t.Errorf("after the end of the first: %v", err)
		}
	})
}

func TestUsage(t *testing.T) {
	server, addr := serving(t, "echo", "net")
	before := asks(t, server, request{Cmd: "gc"}).Usage
	const conns = 20
	for range conns {
		if err := dial(t, "echo", addr).exchange("hello"); err != nil {
			t.Fatal(err)
		}
	}
	after := asks(t, server, request{Cmd: "gc"}).Usage
	if after.Goroutines-before.Goroutines < conns || after.GC < before.GC || after.User+after.System <= before.User+before.System {
		t.Errorf("%+v, then %+v", before, after)
	}
	if cycle := asks(t, server, request{Cmd: "cycle"}).Cycle; cycle == nil || cycle.Wall <= 0 || cycle.Pause <= 0 || cycle.Pause > cycle.Wall {
		t.Errorf("a cycle is %+v", cycle)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if after.PSS <= 0 || after.RSSAnon <= 0 || after.Descriptors-before.Descriptors != conns {
		t.Errorf("%+v, then %+v", before, after)
	}
	if now := asks(t, server, request{Cmd: "sockets"}).Usage; now == nil || now.Descriptors != after.Descriptors {
		t.Errorf("%+v, want %d descriptors", now, after.Descriptors)
	}
	if _, err := server.call(context.Background(), 20*time.Second, request{Cmd: "sing"}); err == nil {
		t.Error("an unknown request was understood")
	}
}
