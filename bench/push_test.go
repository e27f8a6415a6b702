//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func init() { allPushPeers = append(allPushPeers, brokenPushPeers...) }

// Chat servers that do what none should with the 30th publication.
var brokenPushPeers = []peer{
	brokenChat("broken-chat-loses", func([]byte) [][]byte { return nil }),
	brokenChat("broken-chat-twice", func(m []byte) [][]byte { return [][]byte{m, m} }),
	brokenChat("broken-chat-wrong", func(m []byte) [][]byte {
		m = bytes.Clone(m)
		m[len(m)-1]++
		return [][]byte{m}
	}),
}

func brokenChat(name string, harm func(message []byte) [][]byte) peer {
	return peer{name: name, start: func(s *stage) (string, error) {
		hub := newChatHub()
		front := *hub
		front.broadcast = make(chan []byte)
		go func() {
			for n := 1; ; n++ {
				message := <-front.broadcast
				messages := [][]byte{message}
				if n == 30 {
					messages = harm(message)
				}
				for _, m := range messages {
					hub.broadcast <- m
				}
			}
		}()
		return startChatGorilla(s, &front)
	}}
}

// smallPush are flags of push that take it through all phases in a moment.
func smallPush(more ...string) []string {
	return append([]string{pushName, "-aa=false", "-conns", "100", "-topics", "3", "-loads", "2", "-duration", "200ms", "-warmup", "50ms",
		"-idle", "50ms", "-missed", "20", "-timeout", "20s", "-keep-free", "64", "-json", "-"}, more...)
}

// pushRun runs the command and returns its only run.
func pushRun(t *testing.T, status int, more ...string) (*millionReport, *millionRun) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(t.Context(), smallPush(more...), &stdout, &stderr)
	r := new(millionReport)
	if err := json.Unmarshal(stdout.Bytes(), r); err != nil {
		t.Fatalf("status %d, %v in %s\n%s", got, err, stdout.String(), stderr.String())
	}
	if got != status {
		t.Fatalf("status %d, want %d: %s\n%s", got, status, strings.Join(r.Notes, "\n"), stderr.String())
	}
	if len(r.Groups) != 1 || len(r.Groups[0].Modes) != 1 || len(r.Groups[0].Modes[0].Runs) != 1 {
		t.Fatalf("not one run: %+v", r)
	}
	return r, r.Groups[0].Modes[0].Runs[0]
}

// Whatever the server, everything that is published comes, once, and whoever was
// cut off gets what it has missed.
func TestPush(t *testing.T) {
	for _, p := range allPushPeers {
		if strings.HasPrefix(p.name, "broken-") {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			_, run := pushRun(t, 0, "-peers", p.name)
			if run.Reached != 100 || run.lost() != 0 || run.duplicates() != 0 {
				t.Errorf("%d subscribers, %d lost, %d messages twice", run.Reached, run.lost(), run.duplicates())
			}
			if i := run.Idle; i == nil || i.Goroutines < 2 {
				t.Errorf("idle: %+v", i)
			}
			if d := run.Deliver; d == nil || d.Delivered == 0 || d.Published == 0 || d.Window != 256 || d.P999Micros < d.P50Micros || d.Histogram == "" {
				t.Errorf("deliver: %+v", d)
			}
			switch h := run.Herd; {
			case !resumes(p.name):
				if h != nil {
					t.Errorf("a herd though nobody resumes: %+v", h)
				}
			case h == nil || h.CaughtUp != 100 || h.Unrecovered != 0 || h.Missed != 20 || h.Seconds <= 0:
				t.Errorf("herd: %+v", h)
			}
			if d := run.Teardown; d == nil || d.Left != 0 {
				t.Errorf("tear-down: %+v", d)
			}
		})
	}
}

// At a constant rate exactly what was planned is published, and comes.
func TestPushRate(t *testing.T) {
	for _, flags := range []string{"-peers floor", "-peers chat-gws", "-peers push", "-peers push -qos 0", "-peers push-tcp -qos 0"} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			_, run := pushRun(t, 0, append(strings.Fields(flags), "-rate", "200", "-phase", "deliver")...)
			d := run.Deliver
			if d == nil || d.Published != 50 || d.Unpublished != 0 || d.Lost != 0 || d.Duplicates != 0 || d.Window != 0 {
				t.Fatalf("deliver: %+v", d)
			}
			h, err := decodeHistogram(d.Histogram)
			if err != nil || h.TotalCount() < 40*33 || h.TotalCount() > 40*34 { // topics have 33 or 34 subscribers
				t.Errorf("%d latencies, %v", h.TotalCount(), err)
			}
		})
	}
}

// What a server does wrong is told, and not measured as if nothing were.
func TestPushFinds(t *testing.T) {
	for _, test := range []struct{ peer, says string }{
		{"broken-chat-loses", "messages are missing behind message"},
		{"broken-chat-twice", "messages came twice"},
		{"broken-chat-wrong", "is not what was published"},
	} {
		t.Run(test.peer, func(t *testing.T) {
			t.Parallel()
			r, run := pushRun(t, 1, "-peers", test.peer, "-rate", "400", "-phase", "deliver", "-timeout", "2s")
			if !strings.Contains(strings.Join(r.Notes, "\n"), test.says) {
				t.Errorf("the notes are %q", r.Notes)
			}
			const subscribers = 34 // of a topic, at most
			if n := run.lost() + run.duplicates(); n < subscribers-1 {
				t.Errorf("%d lost, %d twice", run.lost(), run.duplicates())
			}
		})
	}
}

// The tables have a column for each peer, and noise; a report can be made.
func TestPushReport(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "push.json")
	var stdout, stderr strings.Builder
	args := smallPush("-conns", "40", "-topics", "1,2", "-peers", "floor,push", "-aa", "-rounds", "2", "-missed", "3",
		"-duration", "30ms", "-idle", "10ms", "-warmup", "10ms", "-json", file)
	if status := run(t.Context(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s\n%s", status, stderr.String(), stdout.String())
	}
	for _, want := range []string{"floor (again)", "/floor", "±", "40 subscribers of 2 topics", "40 subscribers of a topic", "herd: all caught up", "left out of it"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
	page := makeReport(t, "-markdown", filepath.Join(t.TempDir(), "push.md"), file)
	for _, want := range []string{"A herd that comes back", "Publications to subscribers", "From the publication", "40 subscribers of 2 topics"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	parsePage(t, page)
}

func TestPushFrames(t *testing.T) {
	body := bytes.Repeat([]byte("x"), 300)
	frame := func(first byte, p []byte) []byte { return append(appendWSHeader(nil, first, 0, len(p)), p...) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, test := range []struct {
		name    string
		wire    []byte
		message []byte // nil: none
		reply   bool
		whole   bool
		fails   bool
	}{
		{"nothing", nil, nil, false, false, false},
		{"short", frame(wsBinary, []byte("abc")), []byte("abc"), false, true, false},
		{"long", frame(wsBinary, body), body, false, true, false},
		{"half", frame(wsBinary, body)[:200], nil, false, false, false},
		{"ping", frame(wsPing, []byte("a")), nil, true, true, false},
		{"pong", frame(wsPong, nil), nil, false, true, false},
		{"close", frame(wsClose, []byte{3, 232, 'x'}), nil, false, false, true},
		{"text", frame(0x81, []byte("a")), nil, false, false, true},
		{"masked", []byte{wsBinary, 0x81, 0, 0, 0, 0, 'a'}, nil, false, false, true},
		{"two frames", join(frame(0x02, body), frame(0x80, []byte("y"))), append(bytes.Clone(body), 'y'), false, true, false},
		{"three frames", join(frame(0x02, []byte("a")), frame(0, []byte("b")), frame(0x80, []byte("c"))), []byte("abc"), false, true, false},
		{"two frames, one there", frame(0x02, body), nil, false, false, false},
		{"two frames, one and a half there", join(frame(0x02, body), frame(0x80, body)[:20]), nil, false, false, false},
		{"a message in a message", join(frame(0x02, body), frame(wsBinary, body)), nil, false, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			wire := bytes.Clone(test.wire)
			behind := ""
			if test.whole {
				behind = "rest"
			}
			message, rest, reply, ok, err := onWebSocket{}.cut(append(wire, behind...))
			if (err != nil) != test.fails || !test.fails && test.whole != ok || (reply != nil) != test.reply || !bytes.Equal(message, test.message) {
				t.Errorf("%.20q, reply %q, %v, %v", message, reply, ok, err)
			}
			if ok && string(rest) != behind {
				t.Errorf("behind it is %q", rest)
			}
			if !bytes.Equal(wire, test.wire) {
				t.Error("what has come is not what it was")
			}
		})
	}
	for n := range 3 { // a length that has not come whole, and one that has
		wire := onTCP{}.wrap(nil, len(body))
		message, _, _, ok, err := onTCP{}.cut(append(wire, body...)[:len(wire)+len(body)-2+n/2*2])
		if ok != (n == 2) || err != nil || ok && !bytes.Equal(message, body) {
			t.Errorf("%d: %v, %v", n, ok, err)
		}
	}
}

func TestChatMessages(t *testing.T) {
	p := appendChat(appendChat(nil, "topic", []byte("data")), "", []byte("t"))
	one, rest, err := cutChat(p)
	if err != nil {
		t.Fatal(err)
	}
	if topic, data := readChat(one); string(topic) != "topic" || string(data) != "data" {
		t.Errorf("%q, %q", topic, data)
	}
	two, rest, err := cutChat(rest)
	if topic, data := readChat(two); err != nil || len(rest) != 0 || len(topic) != 0 || string(data) != "t" {
		t.Errorf("%q, %q, %v", topic, data, err)
	}
	for _, wrong := range []string{"", "\x00\x01", "\x00\x02\x00", "\x00\x02\x05a", "\x00\x00\x00"} {
		if _, _, err := cutChat([]byte(wrong)); err == nil {
			t.Errorf("%q was understood", wrong)
		}
	}
}

// Loads see on the board how far the others are.
func TestBoard(t *testing.T) {
	file, err := createBoard(t.TempDir(), 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	a, err := openBoard(file, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openBoard(file, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	a.published.Store(9)
	a.complete[0].Store(9)
	b.complete[1].Store(4)
	a.last[2].Store(3)
	if n := a.underWay(); n != 5 {
		t.Errorf("%d under way, want 5", n)
	}
	if b.last[2].Load() != 3 || b.number(2, 3) != 8 || b.stopped.Load() != 0 {
		t.Errorf("the others read %d, %d, %d", b.last[2].Load(), b.number(2, 3), b.stopped.Load())
	}
	for _, topics := range []int{1, 7} {
		own, err := openBoard("", 1, topics)
		if err != nil || len(own.last) != topics || len(own.complete) != 1 {
			t.Errorf("%d topics: %+v, %v", topics, own, err)
		}
	}
}

func TestPushCommandLine(t *testing.T) {
	for _, test := range []struct {
		args   string
		status int
		says   string
	}{
		{"-h", 0, "a queue of 256 per client"},
		{"-h", 0, "Examples:"},
		{"-peers nginx", 2, `unknown peer "nginx"; the peers are floor,`},
		{"-phase sleep", 2, `unknown phase "sleep"; the phases are deliver,idle,herd`},
		{"-phase herd -peers floor,chat-gws", 2, "for peers that resume"},
		{"-phase herd -peers push -qos 0", 2, "needs -qos 1"},
		{"-qos 2", 2, "-qos 2 is not between"},
		{"-rate fast", 2, "neither max nor a number"},
		{"-rate 0", 2, "neither max nor a number"},
		{"-size 19", 2, "-size 19 is not between"},
		{"-size 65536", 2, "-size 65536 is not between"},
		{"-conns 10 -topics 11", 2, "each topic needs a subscriber"},
		{"-peers floor,push -cpuprofile x", 2, "-cpuprofile is for one peer"},
		{"-missed 0", 2, "-missed 0 is not between"},
		{"-duration 1ms", 2, "-duration 1ms is too short"},
		{"-timeout 1ms", 2, "-timeout 1ms is too short"},
		{"-conns 90000000", 1, "90,000,000 subscribers cannot be had here"},
		{"-conns 10 -json /nonexistent/x", 1, "/nonexistent"},
	} {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr strings.Builder
			status := run(t.Context(), append([]string{pushName}, strings.Fields(test.args)...), &stdout, &stderr)
			if all := stdout.String() + stderr.String(); status != test.status || !strings.Contains(all, test.says) {
				t.Errorf("status %d, want %d with %q in:\n%s", status, test.status, test.says, all)
			}
		})
	}
}

// The window keeps a server busy and fits into the queues of chat servers.
func TestPushWindow(t *testing.T) {
	for _, test := range []struct{ window, conns, topics, want int }{
		{0, 10_000, 1, 4}, {0, 1000, 1, 40}, {0, 100, 1, 256}, {0, 10_000, 100, 256}, {0, 1_000_000, 1, 4}, {9, 1, 1, 9},
	} {
		if got := (&pushOptions{window: test.window}).windowFor(test.conns, test.topics); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

func TestPayload(t *testing.T) {
	d := newPayload(40)
	p := publication{planned: 1 << 60, seq: 1 << 50, topic: 77}
	data := bytes.Clone(d.of(p))
	if got, err := d.read(data); err != nil || got != p {
		t.Errorf("%+v, %v", got, err)
	}
	data[39]++
	if _, err := d.read(data); err == nil {
		t.Error("a wrong byte was not found")
	}
	if _, err := d.read(data[:39]); err == nil {
		t.Error("a missing byte was not found")
	}
	if got := fmt.Sprint(topicName(3)); got != "bench/3" {
		t.Error(got)
	}
}
