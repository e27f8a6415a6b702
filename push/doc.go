// Package push delivers messages by topic to very many, mostly idle clients: sessions
// with subscriptions, a log from which those who were away catch up, presence,
// admission. It knows neither sockets nor HTTP: a transport attaches connections as
// Sinks and hands in the frames that they receive.
//
//	clients             gateway             push                        msglog
//	┌─────────┐ frames ┌─────────┐ Receive ┌─────────┐   ┌──────────┐  ┌───────────┐
//	│WebSocket│───────▶│ Session │────────▶│ Session │──▶│ pipeline │─▶│ ring      │
//	│TCP      │        │ (turn)  │         └─────────┘   │ one group│  │ Pebble    │
//	└─────────┘        │         │          Publish ────▶│ at a time│  │ both      │
//	     ▲             │         │                       └────┬─────┘  └─────┬─────┘
//	     │             │         │  Send   ┌──────────────────▼─────┐        │
//	     └─────────────│  Sink   │◀────────│ fan-out: a lane for    │        │ catch up:
//	                   │         │  encoded│ each topic, slices of  │        │ in the turn,
//	                   │         │  once   │ receivers              │        │ when writable
//	                   │         │         └────────────────────────┘        │
//	                   └─────────┘◀──────────────────────────────────────────┘
//
// The parts around it:
//
//   - package protocol has the frames, in two encodings (see PROTOCOL.md), topic the
//     filters, msglog the logs, auth the tokens
//   - package gateway attaches the WebSockets and TCP connections of weir servers
//   - packages api, metrics, console and js are what is served over HTTP
//   - package client is the SDK for Go; js has that for JavaScript
//
// # Delivery
//
// A message of QoS 1 is appended to the log and then acknowledged and handed out; it has
// an offset in its topic. One of QoS 0 is handed out only. A subscription of QoS 1 gets
// every message of QoS 1, in the order of the topic: when its connection does not keep
// up, or has been away, it is read from the log. So a client that is offline costs a
// cursor, and never a queue. What of QoS 0 a connection does not take waits in a bounded
// queue, by a Policy.
//
// # Memory
//
// An idle session with one subscription takes some 220 bytes beside its connection, and
// a further subscription 30 to 35. There is no goroutine, timer or queue for it.
package push
