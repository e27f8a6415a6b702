// Package api is the HTTP API of a push server: publishing, history, presence, and what
// an operator asks for. It is a plain http.Handler, for web.Handler and for net/http.
//
//	POST /api/publish     one message
//	POST /api/batch       several messages, appended as one group
//	GET  /api/history     messages of a topic, from the log
//	GET  /api/presence    who is subscribed to a topic
//	GET  /api/topics      topics with subscribers or messages
//	GET  /api/clients     the sessions that lag most
//	GET  /api/stats       counters of the server
//	POST /api/disconnect  ends sessions
//	GET  /api/            lists all of this, with the fields and parameters
//	GET  /health          200, or 503 with a reason
//
// Requests and responses are JSON. What is refused is answered by the fitting status and
//
//	{"error":{"code":203,"name":"forbidden","message":"...","temporary":false}}
//
// with a code of package protocol. What is temporary has Retry-After, too.
//
// # Idempotency
//
// A publisher that does not know whether a message has arrived sends it again with the
// same header Idempotency-Key (or "id" in the body), and gets the receipt of the first
// time, with "duplicate": true. Keys are told apart by user; all callers without a name
// share theirs. For QoS 1 the log knows them, for as long as its deduplication window
// is, and, if it is durable, after a crash; for QoS 0 a bounded window in memory does.
// The message of a key that is used again is not compared with the first.
//
// # Who may
//
// With Options.Auth a request needs "Authorization: Bearer" and a token whose filters
// cover the topic: Publish for publishing, Subscribe for history and presence. Topics,
// clients, stats and disconnect need Identity.API.
//
// Pages of other sites cannot use the API through a visitor's browser: requests with
// another site's Origin are refused, bodies have to be application/json, and the Host has
// to be one of Options.Hosts where no token protects the server, so that a name that was
// pointed at it (DNS rebinding) does not help them.
package api
