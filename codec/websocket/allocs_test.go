package websocket_test

import (
	"bytes"
	"testing"

	"github.com/weir-go/weir/codec/websocket"
)

func TestNoAllocations(t *testing.T) {
	payload := bytes.Repeat([]byte("payload."), 64)
	for _, op := range []websocket.Opcode{websocket.Text, websocket.Binary, websocket.Ping, websocket.Close} {
		sent := payload
		if op.Control() {
			sent = []byte("\x03\xe8reason")
		}
		frame := websocket.AppendMasked(nil, op, true, false, sent)
		buf := make([]byte, len(frame))
		var r websocket.Reader
		expect(t, op.String(), func() bool {
			copy(buf, frame)
			got, n, err := websocket.Codec{}.Decode(buf)
			if n != len(buf) || err != nil {
				return false
			}
			gotOp, message, err := r.Next(got)
			r.Release()
			return gotOp == op && len(message) == len(sent) && err == nil
		})
		part := frame[:len(frame)-1]
		expect(t, "part of "+op.String(), func() bool {
			_, n, err := websocket.Codec{}.DecodeFrom(part, 3)
			return n == 0 && err == nil && websocket.Codec{}.FrameSize(part) == len(frame)
		})
	}
	out := make([]byte, 0, 1024)
	expect(t, "AppendFrame", func() bool {
		return len(websocket.AppendFrame(out, websocket.Text, true, false, payload)) > 512
	})
	expect(t, "AppendMasked", func() bool {
		return len(websocket.AppendMasked(out, websocket.Text, true, false, payload)) > 512
	})
	expect(t, "AppendClose", func() bool {
		return len(websocket.AppendClose(out, websocket.GoingAway, "the server goes down")) > 20
	})
}

// Joined and inflated messages are in buffers that are lent again, and windows and
// compressors are kept. The pools may be emptied at any time, by the garbage
// collector or, with the race detector, at random: hence "hardly any".
func TestHardlyAnyAllocations(t *testing.T) {
	payload := bytes.Repeat([]byte("payload."), 64)
	first := websocket.AppendMasked(nil, websocket.Text, false, false, payload)
	last := websocket.AppendMasked(nil, websocket.Continuation, true, false, payload)
	var r websocket.Reader
	buf := make([]byte, len(first))
	few(t, "joined", func() bool {
		copy(buf, first)
		if _, _, err := r.Next(buf); err != nil {
			return false
		}
		copy(buf, last)
		_, message, err := r.Next(buf)
		r.Release()
		return len(message) == 1024 && err == nil
	})
	for _, takeover := range []bool{false, true} {
		d := websocket.Deflater{Takeover: takeover}
		r := websocket.Reader{Inflater: &websocket.Inflater{Takeover: takeover}}
		var z, frame []byte
		few(t, "compressed", func() bool {
			z = d.Append(z[:0], payload)
			frame = websocket.AppendMasked(frame[:0], websocket.Text, true, true, z)
			_, message, err := r.Next(frame)
			r.Release()
			return len(message) == len(payload) && err == nil
		})
	}
}

// expect fails unless f returns true and allocates nothing.
func expect(t *testing.T, what string, f func() bool) {
	t.Helper()
	ok := true
	allocs := testing.AllocsPerRun(100, func() { ok = f() && ok })
	if !ok || allocs != 0 {
		t.Errorf("%s: right %v, allocations %v", what, ok, allocs)
	}
}

// few fails unless f returns true and allocates less than it would without pools.
func few(t *testing.T, what string, f func() bool) {
	t.Helper()
	ok := true
	for range 10 {
		ok = f() && ok
	}
	if allocs := testing.AllocsPerRun(100, func() { ok = f() && ok }); !ok || allocs > 4 {
		t.Errorf("%s: right %v, allocations %v", what, ok, allocs)
	}
}
