package websocket_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/internal/buffer"
)

// A peer is one side of a connection: what it decodes a stream with.
type peer struct {
	codec        websocket.Codec // Text is swapped as messages come
	maxMessage   int
	maxFragments int
	inflater     *websocket.Inflater // made anew for each stream
}

// A session is all that a stream comes to.
type session struct {
	events []string // messages and control frames
	rest   int      // bytes of an unfinished frame
	err    error
}

func (s session) String() string {
	return fmt.Sprintf("%.200q, rest %d, error %v", s.events, s.rest, s.err)
}

// run does what a connection does: it gathers chunks, cuts frames as long as
// there are any, resumes, swaps the codec while text is under way, gives messages
// back, and checks each answer against the contract.
func (p peer) run(t testing.TB, chunks ...[]byte) session {
	t.Helper()
	var (
		s     session
		rest  []byte
		seen  int
		sized int
	)
	r := websocket.Reader{MaxMessage: p.maxMessage, MaxFragments: p.maxFragments}
	if p.inflater != nil {
		fresh := *p.inflater
		r.Inflater = &fresh
	}
	for _, chunk := range chunks {
		if len(rest) < 4096 {
			rest = rest[:len(rest):len(rest)] // nothing may rely on where the bytes are
		}
		rest = append(rest, chunk...)
		for {
			c := p.codec
			c.Text = r.Text()
			frame, n, err := c.DecodeFrom(rest, seen)
			if err != nil {
				if frame != nil || n != 0 {
					t.Fatalf("error with frame %q and n %d", frame, n)
				}
				checkError(t, err)
				s.err = err
				return s
			}
			if n == 0 {
				seen = len(rest)
				size := c.FrameSize(rest)
				if size != 0 && size <= len(rest) || sized != 0 && size != sized {
					t.Fatalf("FrameSize said %d, then %d, with %d bytes there", sized, size, len(rest))
				}
				sized = size
				break
			}
			if n > len(rest) || len(frame) != n || cap(frame) != n || &frame[0] != &rest[0] {
				t.Fatalf("frame of length %d, capacity %d for n %d of %d bytes", len(frame), cap(frame), n, len(rest))
			}
			if sized > 0 && n != sized {
				t.Fatalf("FrameSize said %d, the frame has %d bytes", sized, n)
			}
			rest, seen, sized = rest[n:], 0, 0
			op, message, err := r.Next(frame)
			if err != nil {
				if message != nil || r.Joining() {
					t.Fatalf("error with message %q, joining %v", message, r.Joining())
				}
				checkError(t, err)
				s.err = err
				return s
			}
			if (message == nil) != (op == websocket.Continuation) || len(message) != cap(message) {
				t.Fatalf("%v with message %q, capacity %d", op, message, cap(message))
			}
			if op != websocket.Continuation {
				s.events = append(s.events, op.String()+" "+string(message))
				// The message is the caller's, to change as it likes.
				for i := range message {
					message[i] = 0xee
				}
			}
			joining := r.Joining()
			r.Release()
			if r.Joining() != joining {
				t.Fatal("Release has changed what is under way")
			}
		}
	}
	s.rest = len(rest)
	r.Reset()
	if r.Joining() || r.Text() {
		t.Fatal("a message is under way after Reset")
	}
	return s
}

func checkError(t testing.TB, err error) {
	t.Helper()
	var e *websocket.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v (%T) is no *Error", err, err)
	}
	large, malformed := errors.Is(err, codec.ErrTooLarge), errors.Is(err, codec.ErrMalformed)
	switch e.Code {
	case websocket.TooBig:
		if !large || malformed || e.Max > 0 && e.Size <= uint64(e.Max) {
			t.Fatalf("error %v: size %d, maximum %d", err, e.Size, e.Max)
		}
	case websocket.ProtocolError, websocket.InvalidPayload:
		if large || !malformed {
			t.Fatalf("error %v is of the wrong kind", err)
		}
	default:
		t.Fatalf("error %v has code %d", err, e.Code)
	}
	if e.Detail == "" || len(e.Detail) > websocket.MaxReason {
		t.Fatalf("error %v has detail %q", err, e.Detail)
	}
}

func code(err error) int {
	var e *websocket.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// runAllWays runs stream whole, byte by byte and split, at every byte of a short
// one and at some of a long one. It fails unless all come to the same, and returns
// what they come to.
func (p peer) runAllWays(t testing.TB, stream []byte) session {
	t.Helper()
	whole := p.run(t, bytes.Clone(stream))
	same := func(how string, got session) {
		t.Helper()
		if !alike(got, whole) {
			t.Fatalf("%+v: %.200x\n%-12s: %v\nwhole       : %v", p, stream, how, got, whole)
		}
	}
	same("byte by byte", p.run(t, cut(stream, 1)...))
	if len(stream) > 997 {
		// Autobahn's "chops".
		same("chopped", p.run(t, cut(stream, 997)...))
	}
	for i := range stream {
		if len(stream) > 400 {
			if i == 20 {
				break
			}
			if i >= 14 {
				i = rand.IntN(len(stream))
			}
		}
		same(fmt.Sprintf("split at %d", i), p.run(t, bytes.Clone(stream[:i]), bytes.Clone(stream[i:])))
	}
	return whole
}

// alike is equality, but that of two things wrong with a frame another may be
// found first: that its text, when it comes in pieces, is not UTF-8.
func alike(a, b session) bool {
	if fmt.Sprintf("%q", a.events) != fmt.Sprintf("%q", b.events) || a.rest != b.rest {
		return false
	}
	x, y := code(a.err), code(b.err)
	return x == y || x != 0 && y == websocket.InvalidPayload || y != 0 && x == websocket.InvalidPayload
}

// cut cuts a copy of stream into chunks.
func cut(stream []byte, size int) [][]byte {
	chunks := [][]byte{{}}
	for len(stream) > size {
		chunks = append(chunks, bytes.Clone(stream[:size]))
		stream = stream[size:]
	}
	return append(chunks, bytes.Clone(stream))
}

// A wire is a stream under construction.
type wire []byte

// client is what a client sends: masked. The rest of it is like a server's.
func (w wire) client(op websocket.Opcode, fin bool, payload string) wire {
	return websocket.AppendMasked(w, op, fin, false, []byte(payload))
}

// compressed is the first or only frame of a compressed message.
func (w wire) compressed(op websocket.Opcode, fin bool, payload []byte) wire {
	return websocket.AppendMasked(w, op, fin, true, payload)
}

// raw is a frame with a first byte that need not be valid.
func (w wire) raw(first byte, payload string) wire {
	start := len(w)
	w = w.client(websocket.Binary, true, payload)
	w[start] = first
	return w
}

func (w wire) text(s string) wire   { return w.client(websocket.Text, true, s) }
func (w wire) binary(s string) wire { return w.client(websocket.Binary, true, s) }
func (w wire) ping(s string) wire   { return w.client(websocket.Ping, true, s) }
func (w wire) pong(s string) wire   { return w.client(websocket.Pong, true, s) }
func (w wire) close(s string) wire  { return w.client(websocket.Close, true, s) }

// first, next and last are fragments.
func (w wire) first(op websocket.Opcode, s string) wire { return w.client(op, false, s) }
func (w wire) next(s string) wire                       { return w.client(websocket.Continuation, false, s) }
func (w wire) last(s string) wire                       { return w.client(websocket.Continuation, true, s) }

// each is a text message with a fragment for each byte.
func (w wire) each(s string) wire {
	op := websocket.Text
	for i := range len(s) {
		w = w.client(op, i == len(s)-1, s[i:i+1])
		op = websocket.Continuation
	}
	return w
}

// A streamTest says what a stream comes to. Where code is set, the events are those
// before the error.
type streamTest struct {
	name   string
	peer   peer
	stream wire
	events []string
	code   int    // of the error, or 0
	detail string // a part of the error's text
	rest   int
}

func runStreamTests(t *testing.T, tests []streamTest) {
	buffer.Poison.Store(true) // whoever still looks at what was given back sees it
	t.Cleanup(func() { buffer.Poison.Store(false) })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.peer.runAllWays(t, tt.stream)
			if fmt.Sprintf("%q", got.events) != fmt.Sprintf("%q", tt.events) || got.rest != tt.rest {
				t.Errorf("got %v, want %.200q, rest %d", got, tt.events, tt.rest)
			}
			if code(got.err) != tt.code || tt.code != 0 && !strings.Contains(got.err.Error(), tt.detail) {
				t.Errorf("got error %v, want code %d and %q", got.err, tt.code, tt.detail)
			}
		})
	}
}
