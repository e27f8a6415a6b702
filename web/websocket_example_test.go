package web_test

import (
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// An endpoint is mounted like any other http.Handler.
func ExampleWebSocket() {
	echo := &web.WebSocket{
		OnMessage: func(s *web.Socket, op web.Opcode, data []byte) { s.Write(op, data) },
	}
	mux := http.NewServeMux()
	mux.Handle("/echo", echo)
	mux.Handle("/", http.FileServer(http.Dir("static")))
	srv := &weir.Server{Handler: web.Handler(mux)}
	log.Fatal(srv.ListenAndServe("tcp", "127.0.0.1:8080"))
}

// Accept says who may connect, and gives the Socket what it is to know.
func ExampleWebSocket_accept() {
	type user struct{ name string }
	authenticate := func(header string) (*user, bool) {
		token, ok := strings.CutPrefix(header, "Bearer ")
		return &user{name: token}, ok
	}
	chat := &web.WebSocket{
		Accept: func(h *web.Handshake) error {
			u, ok := authenticate(h.Header("Authorization"))
			if !ok {
				h.SetHeader("WWW-Authenticate", "Bearer")
				return &web.HandshakeError{Status: http.StatusUnauthorized, Reason: "log in first"}
			}
			h.SetContext(u)
			return nil
		},
		OnOpen: func(s *web.Socket) { s.WriteText("hello " + s.Context().(*user).name) },
		OnClose: func(s *web.Socket, err error) {
			log.Printf("%s has left: %v", s.Context().(*user).name, err)
		},
	}
	srv := &weir.Server{Handler: web.Handler(chat)}
	log.Fatal(srv.ListenAndServe("tcp", "127.0.0.1:8080"))
}

// On the event loop, without net/http: the least that a message can cost. Callbacks
// must not block then.
func ExampleWebSocket_ServeFast() {
	echo := &web.WebSocket{
		Compression: web.CompressionNoTakeover,
		OnMessage:   func(s *web.Socket, op web.Opcode, data []byte) { s.Write(op, data) },
	}
	srv := &weir.Server{Handler: web.Fast(func(x *web.Ctx) {
		switch string(x.Path()) {
		case "/echo":
			echo.ServeFast(x)
		default:
			x.Error(http.StatusNotFound, "nothing here")
		}
	})}
	srv.Dispatch = weir.Inline
	log.Fatal(srv.ListenAndServe("tcp", "127.0.0.1:8080"))
}

// A message for many is encoded, and compressed, once.
func ExampleBroadcast() {
	var members sync.Map // *web.Socket to nothing
	room := &web.WebSocket{
		OnOpen:  func(s *web.Socket) { members.Store(s, nil) },
		OnClose: func(s *web.Socket, err error) { members.Delete(s) },
		OnMessage: func(_ *web.Socket, op web.Opcode, data []byte) {
			p, err := web.NewPrepared(op, data)
			if err != nil {
				return
			}
			web.Broadcast(func(yield func(*web.Socket) bool) {
				members.Range(func(s, _ any) bool { return yield(s.(*web.Socket)) })
			}, p)
		},
	}
	srv := &weir.Server{Handler: web.Handler(room)}
	log.Fatal(srv.ListenAndServe("tcp", "127.0.0.1:8080"))
}

// A message that is larger than one wants in memory goes out in fragments, as fast as
// the peer takes them.
func ExampleSocket_NextWriter() {
	files := &web.WebSocket{
		OnMessage: func(s *web.Socket, _ web.Opcode, name []byte) {
			f, err := os.OpenInRoot("files", string(name))
			if err != nil {
				s.Close(websocket.PolicyViolation, "no such file")
				return
			}
			defer f.Close()
			w, err := s.NextWriter(web.Binary)
			if err != nil {
				return // the socket is closing
			}
			if _, err := io.Copy(w, f); err != nil {
				s.Close(websocket.InternalError, "") // half a message is of no use
				return
			}
			w.Close()
		},
	}
	srv := &weir.Server{Handler: web.Handler(files)}
	log.Fatal(srv.ListenAndServe("tcp", "127.0.0.1:8080"))
}
