package gateway

import (
	"fmt"
	"io"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

func TestBlame(t *testing.T) {
	for _, test := range []struct {
		stream error           // of TCP
		socket *web.CloseError // of a WebSocket
		want   protocol.Code
	}{
		{nil, &web.CloseError{Code: 4303}, 0},
		{io.EOF, &web.CloseError{Code: websocket.NormalClosure, Remote: true}, 0},
		{io.ErrUnexpectedEOF, &web.CloseError{Code: websocket.Abnormal, Err: io.ErrUnexpectedEOF}, 0},
		{weir.ErrClosed, &web.CloseError{Code: websocket.GoingAway}, 0},
		{fmt.Errorf("varint: %w", codec.ErrTooLarge), &web.CloseError{Code: websocket.TooBig}, protocol.CodeTooLarge},
		{fmt.Errorf("varint: %w", codec.ErrMalformed), &web.CloseError{Code: websocket.ProtocolError}, protocol.CodeMalformed},
		{fmt.Errorf("varint: %w", codec.ErrMalformed), &web.CloseError{Code: websocket.InvalidPayload}, protocol.CodeMalformed},
		{weir.ErrIdleTimeout, &web.CloseError{Code: websocket.Abnormal, Err: web.ErrPongTimeout}, protocol.CodeTimeout},
		{weir.ErrWriteTimeout, &web.CloseError{Code: websocket.Abnormal, Err: weir.ErrWriteTimeout}, protocol.CodeTimeout},
		{weir.ErrFrameTimeout, &web.CloseError{Code: websocket.Abnormal, Err: weir.ErrFrameTimeout}, protocol.CodeTimeout},
		{weir.ErrBudget, &web.CloseError{Code: websocket.Abnormal, Err: weir.ErrBudget}, protocol.CodeOverloaded},
		// What the peer says of this side's faults is not its own.
		{nil, &web.CloseError{Code: websocket.TooBig, Remote: true}, 0},
		{nil, &web.CloseError{Code: 4302, Err: web.ErrCloseTimeout}, 0},
	} {
		if got := blameStream(test.stream).code; got != test.want {
			t.Errorf("TCP, %v: %d, want %d", test.stream, got, test.want)
		}
		if got := blameSocket(test.socket).code; got != test.want {
			t.Errorf("WebSocket, %v: %d, want %d", test.socket, got, test.want)
		}
	}
}
