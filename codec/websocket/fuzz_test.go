package websocket_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/gobwas/ws/wsutil"

	"github.com/weir-go/weir/codec/websocket"
)

// The seeds are in testdata/fuzz.

// fuzzMax keeps the inputs, each decoded once for each of its bytes, small.
const fuzzMax = 300

// FuzzCodec receives its input whole, byte by byte and at every split; the harness
// checks the contract at every step.
func FuzzCodec(f *testing.F) {
	f.Fuzz(func(t *testing.T, stream []byte, options byte, maxFrame, maxMessage uint8) {
		if len(stream) > fuzzMax {
			return
		}
		p := peer{
			codec:      websocket.Codec{MaxFrame: int(maxFrame), Client: options&1 != 0, Deflate: options&2 != 0},
			maxMessage: int(maxMessage),
		}
		if options&4 != 0 {
			p.maxFragments = 3
		}
		if options&8 != 0 {
			p.inflater = &websocket.Inflater{Takeover: options&16 != 0, WindowBits: int(options >> 5)}
		}
		p.runAllWays(t, stream)
	})
}

// FuzzReader compares what comes of a stream with what gobwas/ws makes of it, which
// is less strict: it takes lengths that are longer than need be, any close frame,
// and of a frame that does not end any text.
func FuzzReader(f *testing.F) {
	f.Fuzz(func(t *testing.T, stream []byte, client bool) {
		if len(stream) > 4096 {
			return
		}
		p := peer{codec: websocket.Codec{Client: client}}
		got := p.run(t, cut(stream, 64)...)
		want, err := oracle(stream, client)
		if got.rest > 0 {
			err = nil // it may know from the header, where weir waits for the frame
		}
		if got.err == nil && (err != nil || len(got.events) != len(want)) || len(got.events) > len(want) {
			t.Fatalf("%x:\ngot  %v\nwant %q, error %v", stream, got, want, err)
		}
		for i, e := range got.events {
			if e != want[i] {
				t.Fatalf("%x: event %d is %q, want %q", stream, i, e, want[i])
			}
		}
	})
}

// oracle is what wsutil.Reader makes of stream. That it ends within a frame or a
// message is no error.
func oracle(stream []byte, client bool) (events []string, err error) {
	state := ws.StateServerSide
	if client {
		state = ws.StateClientSide
	}
	control := func(h ws.Header, body io.Reader) error {
		payload, err := io.ReadAll(body)
		if err == nil && int64(len(payload)) != h.Length {
			err = io.ErrUnexpectedEOF
		}
		if err == nil {
			events = append(events, websocket.Opcode(h.OpCode).String()+" "+string(payload))
		}
		return err
	}
	r := wsutil.Reader{Source: bytes.NewReader(stream), State: state, CheckUTF8: true, OnIntermediate: control}
	for {
		h, err := r.NextFrame()
		if err != nil {
			return events, unless(err, io.EOF, io.ErrUnexpectedEOF)
		}
		if h.OpCode.IsControl() {
			if err := control(h, &r); err != nil {
				return events, unless(err, io.EOF, io.ErrUnexpectedEOF)
			}
			continue
		}
		message, err := io.ReadAll(&r)
		if err != nil {
			return events, unless(err, io.EOF, io.ErrUnexpectedEOF)
		}
		events = append(events, websocket.Opcode(h.OpCode).String()+" "+string(message))
	}
}

// unless returns err if it is none of the others.
func unless(err error, others ...error) error {
	for _, other := range others {
		if errors.Is(err, other) {
			return nil
		}
	}
	return err
}

// FuzzDeflate sends messages, of which data tells the lengths, compressed in the
// way that options tell, and receives them.
func FuzzDeflate(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, options uint16) {
		takeover := options&1 != 0
		d := websocket.Deflater{Takeover: takeover, Level: int(options>>1&15) - 2}
		fl := websocket.Inflater{Takeover: takeover || options&32 != 0}
		r := websocket.Reader{Inflater: &fl}
		foreign := new(websocket.Deflater).Append(nil, data)
		for n := 0; len(data) > 2 && n < 50; n++ {
			size := min(int(binary.LittleEndian.Uint16(data))&0x3fff, len(data)-2)
			repeat := int(data[1]>>6) + 1
			message := bytes.Repeat(data[2:2+size], repeat)
			data = data[2+size:]

			var frames [][]byte
			if options&64 != 0 {
				half := len(message) / 2
				frames = append(frames,
					websocket.AppendMasked(nil, websocket.Binary, false, true, d.AppendFragment(nil, message[:half], false)),
					websocket.AppendMasked(nil, websocket.Continuation, true, false, d.AppendFragment(nil, message[half:], true)))
			} else {
				frames = append(frames, websocket.AppendMasked(nil, websocket.Binary, true, true, d.Append(nil, message)))
			}
			var got []byte
			for i, frame := range frames {
				op, m, err := r.Next(frame)
				if err != nil || (op == websocket.Binary) != (i == len(frames)-1) {
					t.Fatalf("message %d, frame %d: %v, error %v", n, i, op, err)
				}
				got = m
			}
			if !bytes.Equal(got, message) {
				t.Fatalf("message %d: %x became %x and came back as %x", n, message, frames, got)
			}
			r.Release()
			if options&128 != 0 { // what was compressed once for many
				if _, err := fl.Append(nil, foreign, 1<<20); err != nil {
					t.Fatal(err)
				}
				d.Reset()
			}
		}
	})
}

// FuzzInflate takes its input for a compressed message: the result is within the
// limit, the same in any fragmentation, and what compress/flate by itself says.
func FuzzInflate(f *testing.F) {
	f.Fuzz(func(t *testing.T, payload []byte, limit uint16, at uint8) {
		if len(payload) > 4096 {
			return
		}
		var fl websocket.Inflater
		sent := bytes.Clone(payload)
		got, err := fl.Append(nil, payload, int(limit))
		if len(got) > int(limit) || err != nil && got != nil {
			t.Fatalf("%d bytes for a limit of %d, error %v", len(got), limit, err)
		}
		if err != nil {
			checkError(t, err)
		}
		if !bytes.Equal(sent, payload) {
			t.Fatal("the payload was changed")
		}

		i := min(int(at), len(payload))
		r := websocket.Reader{MaxMessage: max(int(limit), 1), Inflater: &fl}
		if _, _, err1 := r.Next(websocket.AppendMasked(nil, websocket.Binary, false, true, payload[:i])); err1 == nil {
			_, again, err2 := r.Next(websocket.AppendMasked(nil, websocket.Continuation, true, false, payload[i:]))
			// A payload that is larger than the limit is refused before.
			if limit > 0 && len(payload) <= int(limit) && (code(err2) != code(err) || !bytes.Equal(again, got)) {
				t.Fatalf("%x: %x, error %v; in two fragments %x, error %v", payload, got, err, again, err2)
			}
		}

		// wsflate stops at the first final block, and is content with what is
		// there if that is the last.
		src := bytes.NewReader(payload)
		z := wsflate.NewReader(src, func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) })
		want, flateErr := io.ReadAll(io.LimitReader(z, int64(limit)+1))
		switch {
		case err == nil && !bytes.HasPrefix(got, want[:min(len(want), len(got))]),
			err == nil && src.Len() == 0 && flateErr == nil && !bytes.Equal(got, want),
			code(err) == websocket.TooBig && flateErr != nil && len(want) <= int(limit) && src.Len() == 0:
			t.Fatalf("%x: %x, error %v; wsflate says %x, error %v", payload, got, err, want, flateErr)
		case err == nil && flateErr != nil:
			t.Fatalf("%x: %x; wsflate says error %v", payload, got, flateErr)
		}
	})
}

// FuzzNegotiate takes its input for a Sec-WebSocket-Extensions field: what is
// accepted is also valid for, and the same as, what wsflate reads in the response.
func FuzzNegotiate(f *testing.F) {
	f.Fuzz(func(t *testing.T, field string, takeover, peerTakeover bool, bits uint8) {
		o := websocket.DeflateOptions{Takeover: takeover, PeerTakeover: peerTakeover, PeerWindowBits: int(bits)}
		p, ok := o.Negotiate([]string{field})
		if !ok {
			if p != (websocket.DeflateParams{}) {
				t.Fatalf("%q: declined with %+v", field, p)
			}
			return
		}
		if p.Takeover && !takeover || p.PeerTakeover && !peerTakeover || p.PeerWindowBits < 8 || p.PeerWindowBits > 15 {
			t.Fatalf("%q: %+v", field, p)
		}
		// A client that has offered nothing but what the response says, and
		// agrees, gets the same again.
		again, ok := websocket.DeflateOptions{Takeover: true, PeerTakeover: true}.Negotiate([]string{p.Response()})
		if !ok || again != p {
			t.Fatalf("%q: %+v, and then %+v", field, p, again)
		}
	})
}
