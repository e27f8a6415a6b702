// Package gateway binds a push.Server to the connections of weir: WebSockets of
// package web, and raw TCP.
//
//	p, err := push.New(push.Config{})
//	mux := http.NewServeMux()
//	mux.Handle("/ws", gateway.WebSocket(p, gateway.Options{}))
//	srv := &weir.Server{Handler: web.Handler(mux), Config: gateway.Config(weir.Config{})}
//	go srv.ListenAndServe("tcp", "127.0.0.1:8080")
//	raw := &weir.Server{Handler: gateway.TCP(p, gateway.Options{}), Config: gateway.Config(weir.Config{})}
//	go raw.ListenAndServe("tcp", "127.0.0.1:8090")
//
// # Memory
//
// A connection that is idle owns nothing here: its session is the Context of its
// web.Socket or weir.Conn, and the sink that the session sends by is that pointer
// under another name. Silence is found by the idle timeout that each loop has anyway.
// Only a client whose ping interval is not the server's (push.Config.PingFor) costs
// something, about 200 bytes.
package gateway
