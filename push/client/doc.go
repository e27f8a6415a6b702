// Package client talks to a weir/push server: subscriptions that survive the loss of a
// connection, and publications that are stored exactly once.
//
//	c, err := client.New(client.Config{URL: "tcp://127.0.0.1:7000"})
//	...
//	c.Subscribe("news/sport", client.SubOptions{QoS: protocol.AtLeastOnce}, func(m client.Message) {
//		fmt.Printf("%s\n", m.Data)
//	})
//	c.Start()
//
// # Connections
//
// A [Client] has one connection at a time: TCP ("tcp://host:port") or a WebSocket
// ("ws://host:port/ws"). There is no TLS: weir has none, and a URL that asks for it is
// refused by [New]. Put something that ends TLS in between, on this side, too.
//
// A connection that is lost is made again, after a random part of 1 s, then 2 s, 4 s and
// so on up to 30 s; one that has held for 30 s begins anew with 1 s. What the server says
// about when to come back (GOAWAY, retry_after) is obeyed. A client that is refused
// because of its token, or was disconnected by the operator, stops, unless
// [Config].Token has another token for it; so does one whose named session was taken
// over. [Client.Reconnect] has it try again.
//
// # Many clients in a process
//
// Clients of a [Group] share event loops, workers, and one timer. An idle client has no
// goroutine, no timer and no buffer: 1.3 KB with a subscription, its connection
// included, and less than 0.2 KB for each further one. Dialling, and asking for tokens,
// takes a goroutine of the group, of which there are at most [GroupConfig].Dialers.
//
// # Delivery
//
// Messages of a topic come in order. Those of QoS 1 come to the callback once for each
// subscription, also when connections are lost in between; only a callback that panics
// gets its message again. What the server no longer has when a subscription is resumed
// is reported by [SubOptions].OnGap.
//
// Callbacks of a client never run at the same time, and may block: the server then
// notices by TCP that this client does not keep up. But a callback that takes longer
// than 1.5 ping intervals (of 30 s, unless the server says otherwise) has the server
// take the client for dead; it is connected again when the callback has returned. Any
// method may be called in a callback; but one that waits for an answer of the server,
// such as Publish with QoS 1, Presence or Close, would wait for itself, until its context
// ends. There is PublishAsync.
//
// # Lifetimes
//
// [Message].Data is valid until the callback returns. Data passed to Publish is the
// caller's again when it returns.
//
// # Limits
//
//	what                             default         error, counter
//	publications waiting             1,024, 8 MiB    ErrBacklog, Stats.Backlogged
//	publications unanswered          the server's    they wait
//	size of a publication            the server's    *Error, CodeTooLarge
//	size of a frame received         4 MiB           connection ends, StateChange.Err
//	questions about presence         64              ErrBacklog
//	time to connect                  30 s            ErrConnectTimeout, Stats.Failed
//	silence                          1.4 intervals   ErrHeartbeat, Stats.Dead
//	goroutines that dial             64              they wait
package client
