package push

import (
	"context"
	"net/netip"
	"time"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// Server is the push server without its transports. Its methods may be called from any
// goroutine.
type Server struct{}

// New starts a server.
func New(c Config) (*Server, error) { panic("push") }

// Register makes a format known, before the first Attach with it.
func (s *Server) Register(f *Format) { panic("push") }

// Attach begins a session on a connection, on which frames in that format are sent. The
// transport hands in what comes, see Session.
func (s *Server) Attach(k Sink, f *Format) *Session { panic("push") }

// Session is a client as long as its connection lasts. Receive, Writable and Closed are
// the transport's to call, one at a time.
type Session struct{}

// Receive takes a frame, undecoded. frame is the caller's again when it returns.
func (c *Session) Receive(frame []byte) { panic("push") }

// Refuse is for what the transport itself refuses, such as a stream that makes no
// sense: it tells the client, counts, and closes the sink.
func (c *Session) Refuse(code protocol.Code, message string) { panic("push") }

// Writable says that the sink has become writable again.
func (c *Session) Writable() { panic("push") }

// Silent says that the peer has been silent for a ping interval: PING is sent. For
// transports that have no pings of their own.
func (c *Session) Silent() { panic("push") }

// Closed says that the connection has ended, once, last.
func (c *Session) Closed(err error) { panic("push") }

// History returns messages of a topic behind an offset, at most limit, for those who
// have the right; next is the offset to go on behind.
func (s *Server) History(topic string, after uint64, limit int) (h History, err error) {
	panic("push")
}

// History is a part of a topic's log.
type History struct {
	msglog.Extent
	Records []*msglog.Record
	Next    uint64
}

// Topics returns topics that are subscribed to or in the log, in order, behind a name.
func (s *Server) Topics(prefix, after string, limit int) ([]TopicStats, error) { panic("push") }

// Presence returns who is subscribed to an exact topic.
func (s *Server) Presence(topic string) (protocol.Presence, error) { panic("push") }

// Disconnect ends sessions of a user or with a name ("" being any, but not both) and
// returns how many: each gets ERR with the code.
func (s *Server) Disconnect(user, session string, code protocol.Code) int { panic("push") }

// Clients returns the sessions that lag most, at most limit.
func (s *Server) Clients(limit int) []ClientStats { panic("push") }

// Stats returns a snapshot of the counters. It is cheap.
func (s *Server) Stats() Stats { panic("push") }

// Shutdown sends GOAWAY to all clients, in slices, so that they spread over the time
// until ctx's deadline (10 s if it has none), closes their connections, and then the
// log.
func (s *Server) Shutdown(ctx context.Context) error { panic("push") }

// Close ends the server at once. What is acknowledged is in the log.
func (s *Server) Close() error { panic("push") }

// ClientInfo is what is known of a client when HELLO was accepted.
type ClientInfo struct {
	User    string
	Session string
	Remote  netip.AddrPort
	Format  string
}

// ClientStats is a line of Clients.
type ClientStats struct {
	User     string        `json:"user,omitempty"`
	Session  string        `json:"session"`
	Remote   string        `json:"remote"`
	Format   string        `json:"format"`
	Subs     int           `json:"subs"`
	Lag      uint64        `json:"lag"`      // messages of QoS 1 in the log that were not sent to it yet
	Unacked  uint64        `json:"unacked"`  // sent and not acknowledged
	Buffered int           `json:"buffered"` // bytes that wait in its connection
	Queued   int           `json:"queued"`   // bytes of QoS 0 that wait for it
	Dropped  uint64        `json:"dropped"`  // messages of QoS 0 that it has not got
	Age      time.Duration `json:"age"`
}

// TopicStats is a line of Topics.
type TopicStats struct {
	Name        string  `json:"name"`
	Subscribers int     `json:"subscribers"` // exact ones
	Messages    int     `json:"messages"`    // in the log
	Bytes       int64   `json:"bytes"`       // of their data
	Epoch       uint64  `json:"epoch"`
	First       uint64  `json:"first"`
	Last        uint64  `json:"last"`
	Rate        float64 `json:"rate,omitempty"` // deliveries per second, of the busiest topics in Report
}
