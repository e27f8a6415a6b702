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

// Joined and inflated messages are in buffers that are lent again, and so are
// compressors. The pools may be emptied at any time, by the garbage collector or,
// with the race detector, at random, hence no zero: it is compared with the same
// where nothing is lent.
func TestBuffersAreLentAgain(t *testing.T) {
	payload := bytes.Repeat([]byte("payload."), 4096)
	first := websocket.AppendMasked(nil, websocket.Text, false, false, payload)
	last := websocket.AppendMasked(nil, websocket.Continuation, true, false, payload)
	buf := make([]byte, len(first))
	joined := func(release bool) uint64 {
		return allocated(func() {
			for range 200 {
				var r websocket.Reader
				_, _, err := r.Next(buf[:copy(buf, first)])
				if err != nil {
					t.Fatal(err)
				}
				_, message, err := r.Next(buf[:copy(buf, last)])
				if len(message) != 2*len(payload) || err != nil {
					t.Fatal(err)
				}
				if release {
					r.Release()
				}
			}
		})
	}
	if with, without := joined(true), joined(false); with > without*2/3 {
		t.Errorf("joined: %d bytes allocated, %d without Release", with, without)
	}

	var d websocket.Deflater
	var f websocket.Inflater
	var z, out []byte
	compressed := allocated(func() {
		for range 200 {
			z = d.Append(z[:0], payload)
			out, _ = f.Append(out[:0], z, 1<<20)
		}
	})
	if !bytes.Equal(out, payload) || compressed > 100*1_200_000 {
		t.Errorf("compressed: %d bytes allocated", compressed)
	}
}

// What a connection keeps with takeover is not made anew for each message.
func TestTakeoverKeepsTheCompressor(t *testing.T) {
	payload := bytes.Repeat([]byte("payload."), 64)
	d := websocket.Deflater{Takeover: true}
	var z []byte
	expect(t, "Append", func() bool {
		z = d.Append(z[:0], payload)
		return len(z) > 0
	})
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
