package gateway

import (
	"bytes"
	"testing"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// The size that is counted is the size on the wire, at every boundary of a length.
func TestFormatSize(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 127, 128, 16383, 16384, 65535, 65536, 1 << 21} {
		frame := bytes.Repeat([]byte("x"), n)
		_, size, err := newSocketFormat("ws json", protocol.JSON, web.Text).Wrap(frame)
		if want := len(websocket.AppendFrame(nil, websocket.Text, true, false, frame)); err != nil || size != want {
			t.Errorf("%d bytes: a WebSocket frame of %d, want %d, %v", n, size, want, err)
		}
		wire, size, err := newStreamFormat().Wrap(frame)
		want, _ := codec.Varint{Max: 1 << 22}.Append(nil, frame)
		if err != nil || size != len(want) || !bytes.Equal(wire.([]byte), want) {
			t.Errorf("%d bytes: a TCP frame of %d, want %d, %v", n, size, len(want), err)
		}
	}
}

func TestCloseCode(t *testing.T) {
	for code, want := range map[protocol.Code]int{
		protocol.CodeMalformed: 4100,
		protocol.CodeGoingAway: 4303,
		1000:                   websocket.InternalError,
		65535:                  websocket.InternalError,
	} {
		if got := closeCode(code); got != want {
			t.Errorf("code %d: %d, want %d", code, got, want)
		}
	}
}
