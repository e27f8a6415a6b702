// Package web serves HTTP/1.1 and WebSocket on the connections of a weir.Server,
// without a goroutine per connection.
//
// There are three ways in, each of them a weir.Handler that brings its own codec:
//
//   - [Handler] runs any http.Handler, with all that net/http offers it: streamed
//     bodies, Flush, trailers, Hijack, deadlines, a context that ends when the
//     client goes away.
//   - [Fast] runs a function over views of the request's bytes, for services that
//     need no *http.Request.
//   - A [WebSocket] is mounted in either of the two, as an http.Handler or by
//     ServeFast.
//
// A server is then no more than
//
//	srv := &weir.Server{Handler: web.Handler(mux)}
//	err := srv.ListenAndServe("tcp", ":8080")
//
// What a request goes through:
//
//	            loop                          worker (or, for Fast, the loop)
//	bytes ─▶ http1.Codec: is the ─▶ HTTP.OnFrame: Request.Parse ─┬─▶ http.Handler
//	         head whole, and the    (strict)                     │   body: with the head,
//	         body, if it is small?                               │   or read from a Stream
//	                                                             └─▶ func(*Ctx)
//	                                                                 body: with the head,
//	                                                                 or from a collector
//
// Half a request never occupies a worker. Responses of requests that came together
// leave together. Limits bound everything that a client can make the server hold:
// see [Limits] and the watermarks of weir.Config.
package web
