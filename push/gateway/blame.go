package gateway

import (
	"errors"
	"os"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// fault is a reason of the transport's to end a connection, as a session is told it.
// The zero fault is none.
type fault struct {
	code    protocol.Code
	message string
}

// blameStream tells what a peer whose connection has ended did wrong.
func blameStream(err error) fault {
	switch {
	case errors.Is(err, codec.ErrTooLarge):
		return fault{protocol.CodeTooLarge, "the frame is too large"}
	case errors.Is(err, codec.ErrMalformed):
		return fault{protocol.CodeMalformed, "the length before the frame makes no sense"}
	case errors.Is(err, weir.ErrFrameTimeout):
		return fault{protocol.CodeTimeout, "a frame was begun and not finished in time"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault{protocol.CodeTimeout, "the connection was dead"}
	case errors.Is(err, weir.ErrBudget):
		return fault{protocol.CodeOverloaded, "the server is out of buffers"}
	}
	return fault{}
}

// blameSocket is blameStream for WebSockets, some of whose faults package web has told
// the peer already.
func blameSocket(err error) fault {
	var end *web.CloseError
	if !errors.As(err, &end) || end.Remote {
		return fault{}
	}
	switch end.Code {
	case websocket.TooBig:
		return fault{protocol.CodeTooLarge, "the message is too large"}
	case websocket.ProtocolError, websocket.InvalidPayload:
		return fault{protocol.CodeMalformed, "the WebSocket was misused"}
	case websocket.Abnormal:
		return blameStream(end.Err)
	}
	return fault{} // this side has closed it, or Shutdown
}
