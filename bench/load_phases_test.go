//go:build unix

package main

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// broadcast writes to all connections what frame makes of the number of each, in
// pieces.
func (s *loadServer) broadcast(frame func(number int) []byte, piece int) {
	var all sync.WaitGroup
	for _, c := range s.all() {
		all.Go(func() {
			for rest := frame(c.number); len(rest) > 0; {
				n := min(piece, len(rest))
				if _, err := c.Write(rest[:n]); err != nil {
					return // the load has seen enough
				}
				rest = rest[n:]
			}
		})
	}
	all.Wait()
}

func TestLoadReceivesBroadcast(t *testing.T) {
	const conns = 6
	payload := func(size int, change func(p []byte) []byte) func(int) []byte {
		return func(number int) []byte {
			p := broadcastPayload(size)
			if number == 3 && change != nil {
				return change(slices.Clone(p))
			}
			return p
		}
	}
	tests := []struct {
		name        string
		size, piece int
		change      func(p []byte) []byte // on one connection
		want        count
		says        string
	}{
		{"whole", 64, 64, nil, count{Open: 6, Done: 6}, ""},
		{"bytes", 10, 1, nil, count{Open: 6, Done: 6}, ""},
		{"large", 300_000, 100_000, nil, count{Open: 6, Done: 6}, ""},
		{"wrong byte", 64, 64, func(p []byte) []byte { p[63]++; return p }, count{Open: 5, Done: 5, Lost: 1}, "not the broadcast"},
		{"too much", 64, 100, func(p []byte) []byte { return append(p, 0) }, count{Open: 5, Done: 5, Lost: 1}, "more has come"},
		{"too little", 64, 64, func(p []byte) []byte { return p[:63] }, count{Open: 5, Done: 5, Lost: 1}, "63 of the 64 bytes"},
		{"nothing", 64, 64, func([]byte) []byte { return nil }, count{Open: 6, Done: 5}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := startLoadServer(t, nil)
			l := testLoad(t, lenientOptions(s, conns))
			askLoad(t, l, request{Cmd: "open"})
			limit := 20 * time.Second
			if test.want.Done < conns && test.want.Lost == 0 || strings.Contains(test.says, " of ") {
				limit = 300 * time.Millisecond // all of it is waited for
			}
			at := monotonic()
			var sender sync.WaitGroup
			sender.Go(func() { s.broadcast(payload(test.size, test.change), test.piece) })
			c := askLoad(t, l, request{Cmd: "broadcast", Size: test.size, At: at, Duration: int64(limit)})
			sender.Wait()
			if n := valuesOf(t, c); n != c.Done {
				t.Errorf("%d deliveries, %d in the histogram", c.Done, n)
			}
			if c.First < at || c.Last < c.First || c.Last > monotonic() {
				t.Errorf("first %d, last %d", c.First, c.Last)
			}
			if !strings.Contains(c.Problem, test.says) || (c.Problem == "") != (test.says == "") {
				t.Errorf("problem %q, want %q", c.Problem, test.says)
			}
			c.Problem = ""
			if without(c) != test.want {
				t.Errorf("%+v, want %+v", without(c), test.want)
			}
			if test.name == "nothing" {
				return
			}
			// Life goes on.
			if c := askLoad(t, l, request{Cmd: "open"}); c.Open != conns {
				t.Errorf("open: %+v", without(c))
			}
			if err := l.start(0); err != nil {
				t.Fatal(err)
			}
			l.window.begin(l.clock(), false)
			flow(t, l, func() bool { return l.window.answers >= 20 })
			if c := askLoad(t, l, request{Cmd: "stop"}); c != (count{Open: conns}) {
				t.Errorf("stop: %+v", c)
			}
		})
	}
}

// A WebSocket server is another implementation of the protocol.
func TestLoadReceivesWSBroadcast(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn, 10)
	var gone sync.WaitGroup
	gone.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			gone.Go(func() {
				defer c.Close()
				if _, err := ws.Upgrade(c); err != nil {
					return
				}
				conns <- c
				for {
					message, op, err := wsutil.ReadClientData(c)
					if err != nil || wsutil.WriteServerMessage(c, op, message) != nil {
						return
					}
				}
			})
		}
	})
	defer gone.Wait()
	defer ln.Close()

	o := lenientOptions(&loadServer{addr: ln.Addr().String()}, 4)
	o.bench = "ws"
	l := testLoad(t, o)
	defer l.close()
	if c := askLoad(t, l, request{Cmd: "open"}); c.Open != 4 {
		t.Fatalf("open: %+v", without(c))
	}
	all := []net.Conn{<-conns, <-conns, <-conns, <-conns}
	for _, size := range []int{1, 125, 126, 70_000} {
		var sender sync.WaitGroup
		sender.Go(func() {
			for _, c := range all {
				if err := wsutil.WriteServerBinary(c, broadcastPayload(size)); err != nil {
					t.Error(err)
				}
			}
		})
		c := askLoad(t, l, request{Cmd: "broadcast", Size: size, At: monotonic(), Duration: int64(20 * time.Second)})
		sender.Wait()
		if without(c) != (count{Open: 4, Done: 4}) {
			t.Errorf("%d B: %+v", size, without(c))
		}
	}
	// One message more each, and another pass.
	if err := l.start(1000); err != nil {
		t.Fatal(err)
	}
	flow(t, l, func() bool { return l.window.answers >= 30 })
	if c := askLoad(t, l, request{Cmd: "stop"}); c != (count{Open: 4}) {
		t.Errorf("stop: %+v", c)
	}
}

func TestLoadRefusesRequests(t *testing.T) {
	o := lenientOptions(startLoadServer(t, nil), 2)
	l := testLoad(t, o)
	o.bench, o.request = "http", "wrk"
	h := testLoad(t, o)
	tests := []struct {
		l    *load
		req  request
		says string
	}{
		{h, request{Cmd: "broadcast", Size: 64}, "do not broadcast"},
		{l, request{Cmd: "broadcast"}, "0 bytes"},
		{l, request{Cmd: "churn"}, "needs a rate"},
		{l, request{Cmd: "churn", Rate: -1}, "needs a rate"},
		{l, request{Cmd: "heartbeat"}, "needs an interval"},
		{l, request{Cmd: "start", Rate: 5}, "no connection is open"},
	}
	for _, test := range tests {
		if _, err := tryLoad(test.l, test.req); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v, want %q", test.req, err, test.says)
		}
	}
}

func TestLoadChurns(t *testing.T) {
	for _, failing := range []bool{false, true} {
		s := startLoadServer(t, func(c *loadServerConn, _ int, _ []byte) bool {
			if failing && c.number%5 == 4 {
				c.Close()
			}
			return true
		})
		l := testLoad(t, lenientOptions(s, 10))
		askLoad(t, l, request{Cmd: "open"})
		c := askLoad(t, l, request{Cmd: "churn", Rate: 1000, Duration: int64(100 * time.Millisecond)})
		if c.Open != 10 || c.Done < 1 || c.Done > 100 || c.Lost != 0 || valuesOf(t, c) != c.Done {
			t.Errorf("failing %v: %+v", failing, without(c))
		}
		if failing != (c.Failures > 0) || failing != (c.Problem != "") {
			t.Errorf("failing %v: %+v", failing, without(c))
		}
		if open := len(l.openSlots()); open != 10 {
			t.Errorf("%d connections are open", open)
		}
		if !failing && len(s.all()) != 10+int(c.Done) {
			t.Errorf("the server has seen %d connections, %d have been reopened", len(s.all()), c.Done)
		}
		// They all work.
		if err := l.start(0); err != nil {
			t.Fatal(err)
		}
		flow(t, l, func() bool { return l.window.answers >= 100 })
		if c := askLoad(t, l, request{Cmd: "stop"}); c.Open+int(c.Lost) != 10 || c.Failures != 0 {
			t.Errorf("stop: %+v", c)
		}
	}
}

// The connection that is open for longest goes first.
func TestLoadChurnGoesRound(t *testing.T) {
	l := testLoad(t, lenientOptions(startLoadServer(t, nil), 4))
	askLoad(t, l, request{Cmd: "open"})
	l.shut(2)
	var got []int
	for range 5 {
		got = append(got, l.nextOut())
	}
	if want := []int{0, 1, 3, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The server of this test finds who is silent as soon as one of the others says
// something.
func TestLoadHeartbeat(t *testing.T) {
	const conns, silent = 12, 3
	isSilent := func(number int) bool { return number%(conns/silent) == 0 }
	var once sync.Once
	s := startLoadServer(t, func(c *loadServerConn, message int, _ []byte) bool {
		if c.number < conns && message > 0 {
			if isSilent(c.number) {
				t.Errorf("connection %d is not silent", c.number)
			}
			once.Do(func() {
				for _, c := range c.server.all() {
					if isSilent(c.number) || c.number == 1 {
						c.Close()
					}
				}
			})
		}
		return true
	})
	o := lenientOptions(s, conns)
	o.atOnce = 1 // the server then has the load's numbers
	l := testLoad(t, o)
	askLoad(t, l, request{Cmd: "open"})
	c := askLoad(t, l, request{Cmd: "heartbeat", N: silent, Every: int64(20 * time.Millisecond), Duration: int64(500 * time.Millisecond)})
	if c.Silent != silent || c.Found != silent || valuesOf(t, c) != silent || c.First > c.Last {
		t.Errorf("of %d silent connections: %+v", silent, without(c))
	}
	if c.Lost != 1 || c.Open != conns-1 || c.Problem == "" {
		t.Errorf("of one that is closed though it pings: %+v", without(c))
	}
	if c.Sent < 1 || c.Done > c.Sent || c.Failures != c.Sent-c.Done {
		t.Errorf("pings: %+v", without(c))
	}
	if c := askLoad(t, l, request{Cmd: "open"}); without(c) != (count{Open: conns, Done: 1}) {
		t.Errorf("open: %+v", without(c))
	}
	// Nobody is silent any more, and nobody is found.
	if c := askLoad(t, l, request{Cmd: "heartbeat", Every: int64(time.Millisecond), Duration: int64(50 * time.Millisecond)}); c.Open != conns || c.Silent != 0 || c.Found != 0 || c.Lost != 0 {
		t.Errorf("a second time: %+v", without(c))
	}
	// All are.
	if c := askLoad(t, l, request{Cmd: "heartbeat", N: conns + 1, Every: 1, Duration: int64(time.Millisecond)}); c.Open != conns || c.Silent != conns || c.Sent != 0 {
		t.Errorf("all silent: %+v", without(c))
	}
}

// A script forgets a connection whose index another one takes.
func TestScriptsReset(t *testing.T) {
	cast := casting{addr: "127.0.0.1:80", conns: 2, size: 64, request: "wrk", transfer: 1000}
	for _, b := range benchmarks() {
		s, err := b.script(cast)
		if err != nil {
			t.Fatal(err)
		}
		first := goodResponse
		switch b.name {
		case "echo":
			first = string(s.at(1, 0, 64))
		case "ws":
			first = wsAccepted
		}
		for range 3 {
			if n, _, err := s.heard(1, []byte(first)); n != 1 || err != nil {
				t.Errorf("%s: %d answers, %v", b.name, n, err)
			}
			if n, _, err := s.heard(1, []byte(first[:1])); n != 0 && err != nil { // half of something
				t.Errorf("%s: %d answers, %v", b.name, n, err)
			}
			s.reset(1)
		}
		if got := s.broadcast([]byte("news")); (got == nil) != (b.name == "http") || !bytes.HasSuffix(got, []byte("news")) && got != nil {
			t.Errorf("%s: a broadcast is %q", b.name, got)
		}
	}
}
