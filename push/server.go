package push

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// Server is the push server without its transports. Its methods may be called from any
// goroutine.
//
// Locks are taken in this order: that of the admission, of a session, of a shard of the
// topics or of the wildcards, and then one of the rest, which is held while nothing else
// is called.
type Server struct {
	config  Config
	log     msglog.Log
	started time.Time
	ctx     context.Context // ends with the server
	cancel  context.CancelFunc

	table     table
	topics    topics
	wild      wilds
	pipeline  pipeline
	fanOut    fanOut
	admission admission
	presence  presence
	cursors   cursors
	alarms    alarms
	greetings greetings
	names     names
	counts    counts
	hists     hists
	resumes   *rate.Limiter // nil: no limit

	formats struct {
		sync.Mutex
		all []*Format
	}
	gauges      atomic.Pointer[func() Gauges]
	lastFailure atomic.Int64 // when appendFailed has logged

	ticks sync.WaitGroup
	ended sync.Once
}

// New starts a server, which runs until Shutdown or Close.
func New(c Config) (*Server, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, log: c.Log, started: time.Now()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.names.seed, s.names.ids = maphash.MakeSeed(), map[uint64]uint32{}
	s.topics.init()
	s.hists.init()
	s.alarms.server, s.greetings.server = s, s
	s.admission.init(s)
	s.cursors.init(s)
	s.pipeline.init(s)
	if c.ResumeRate > 0 {
		s.resumes = rate.NewLimiter(rate.Limit(c.ResumeRate), max(4*batchRecords, int(c.ResumeRate/10)))
	}
	go s.pipeline.run()
	s.fanOut.init(s, runtime.GOMAXPROCS(0))
	s.ticks.Go(s.tick)
	return s, nil
}

// Register makes a format known, before the first Attach with it. There may be four.
func (s *Server) Register(f *Format) error {
	s.formats.Lock()
	defer s.formats.Unlock()
	if len(s.formats.all) == maxFormats {
		return errors.New("push: too many formats")
	}
	f.server, f.index = s, len(s.formats.all)
	s.formats.all = append(s.formats.all, f)
	return nil
}

// tick does what is done each second.
func (s *Server) tick() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	hello := time.NewTicker(min(time.Second, s.config.HelloTimeout))
	defer hello.Stop()
	r := reporter{server: s}
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-hello.C:
			s.greetings.check()
		case now := <-t.C:
			s.tellPresence()
			s.cursors.save()
			if err := s.log.Sweep(now); err != nil {
				s.config.Logger.Warn("push: the log cannot be swept", "err", err)
			}
			r.tick()
		}
	}
}

// Auth returns the Authenticator, or nil.
func (s *Server) Auth() Authenticator { return s.config.Auth }

// History returns messages of a topic behind an offset, at most limit, for those who
// have the right; next is the offset to go on behind.
func (s *Server) History(topic string, after uint64, limit int) (h History, err error) {
	h.Extent = s.log.Topic(topic)
	h.Records, h.Next, err = s.log.Read(nil, topic, after, limit, 1<<20)
	if err != nil {
		return h, unavailable(err)
	}
	return h, nil
}

// History is a part of a topic's log.
type History struct {
	msglog.Extent
	Records []*msglog.Record
	Next    uint64
}

// Disconnect ends sessions of a user or with a name ("" being any, but not both) and
// returns how many: each gets ERR with the code.
func (s *Server) Disconnect(user, session string, code protocol.Code) int {
	if user == "" && session == "" {
		return 0
	}
	n := 0
	s.table.each(func(c *Session) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.has(sessionGreeted) || c.has(sessionEnded) || user != "" && c.identity.User != user || session != "" && c.name() != session {
			return true
		}
		c.failLocked(refusal(code, "disconnected by the operator"))
		n++
		return true
	})
	return n
}

// sessions returns how many there are.
func (s *Server) sessions() int { return int(s.counts.sessions.Load()) }

// resident reports whether what is behind an offset of a topic, or, without a name, a
// position, can be read without the disk.
func (s *Server) resident(name string, after uint64) bool {
	if r, ok := s.log.(interface {
		Resident(name string, after uint64) bool
	}); ok {
		return r.Resident(name, after)
	}
	return !s.cursors.stored
}

// Shutdown sends GOAWAY to all clients, in slices, so that they spread over the time
// until ctx's deadline (10 s if it has none), closes their connections, and then the
// log. What has been published before is stored and handed out. It returns ctx's error
// if that ends it early; a log that does not answer is left behind a second later.
func (s *Server) Shutdown(ctx context.Context) error {
	s.admission.end()
	err := s.sendAway(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.end() }()
	select {
	case failed := <-ended:
		return errors.Join(err, failed)
	case <-ctx.Done():
	}
	select { // usually there is little left to do, and worth it
	case failed := <-ended:
		return errors.Join(err, failed)
	case <-time.After(endGrace):
		return cmp.Or(err, ctx.Err())
	}
}

// endGrace is how long Shutdown waits, beyond its deadline, for what was published to be
// stored: a disk that has stopped answering does not keep it longer.
const endGrace = time.Second

// slices is how many Shutdown makes of the clients.
const goAwaySlices = 20

// sendAway ends the sessions, a slice at a time, in half of the time there is; the rest
// is for connections to close.
func (s *Server) sendAway(ctx context.Context) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(10 * time.Second)
	}
	var all []*Session
	s.table.each(func(c *Session) bool {
		all = append(all, c)
		return true
	})
	g := s.goAway(len(all), "the server shuts down")
	per := max((len(all)+goAwaySlices-1)/goAwaySlices, 64)
	pause := time.Until(deadline) / 2 / goAwaySlices
	for len(all) > 0 {
		n := min(per, len(all))
		for _, c := range all[:n] {
			c.leave(g)
		}
		if all = all[n:]; len(all) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			for _, c := range all {
				c.leave(g)
			}
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	return nil
}

// Close ends the server at once: clients are disconnected. What is acknowledged is in
// the log.
func (s *Server) Close() error {
	s.admission.end()
	g := s.goAway(s.sessions(), "the server shuts down")
	s.table.each(func(c *Session) bool {
		c.leave(g)
		return true
	})
	return s.end()
}

// end ends everything but the sessions, once.
func (s *Server) end() (err error) {
	s.ended.Do(func() {
		s.pipeline.close()
		s.fanOut.close()
		s.cancel()
		s.ticks.Wait()
		s.alarms.close()
		s.cursors.save()
		err = s.log.Close()
	})
	return err
}

// Closing reports whether Shutdown or Close has begun.
func (s *Server) Closing() bool {
	s.admission.mu.Lock()
	defer s.admission.mu.Unlock()
	return s.admission.ended
}

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
	Age      time.Duration `json:"age"`      // nanoseconds in JSON
}

// TopicStats is a line of Topics.
type TopicStats struct {
	Name        string  `json:"name"`
	Subscribers int     `json:"subscribers"` // exact ones
	Messages    int     `json:"messages"`    // in the log
	Bytes       int64   `json:"bytes"`       // of their data; not in Report
	Epoch       uint64  `json:"epoch"`
	First       uint64  `json:"first"`
	Last        uint64  `json:"last"`
	Rate        float64 `json:"rate,omitempty"` // deliveries per second, of the busiest topics in Report
}
