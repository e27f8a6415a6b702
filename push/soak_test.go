package push_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	sdk "github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// soakFor is how long TestSoak publishes; TestSoakGaps takes a third of it.
var soakFor = flag.Duration("soak", 6*time.Second, "how long the soak with faults is")

// soakTopics are published to by everybody.
var soakTopics = []string{"soak/a/1", "soak/a/2", "soak/b/1", "soak/b/2", "soak"}

// soakKinds are those who read.
var soakKinds = []soakKind{
	{"tcp", false, protocol.Binary, steady, 0, []string{"soak/a/1", "soak"}},
	{"ws", true, protocol.Binary, steady, 0, []string{"soak/#"}},
	{"json", true, protocol.JSON, steady, 0, []string{"soak/b/1", "soak/+/2"}},
	{"tcp, both", false, protocol.Binary, steady, 0, []string{"soak/a/1", "soak/a/+", "soak/+/1"}},
	{"tcp, slow", false, protocol.Binary, steady, 150, []string{"soak/b/2", "soak/a/2"}},
	{"ws, slow", true, protocol.Binary, steady, 300, []string{"soak/#"}},
	{"json, slow", true, protocol.JSON, steady, 150, []string{"soak/a/1", "soak/b/+"}},
	{"tcp, handed over", false, protocol.Binary, handOver, 0, []string{"soak/a/1", "soak/b/#"}},
	{"json, handed over", true, protocol.JSON, handOver, 400, []string{"soak/+/+", "soak"}},
	{"tcp, session", false, protocol.Binary, sessions, 0, []string{"soak/#"}},
	{"ws, session", true, protocol.Binary, sessions, 400, []string{"soak/a/2", "soak/b/1", "soak"}},
	{"json, session", true, protocol.JSON, sessions, 0, []string{"soak/b/2", "soak/a/+"}},
}

// soakRun is a server that is killed, and those who use it over a bad network.
type soakRun struct {
	t           *testing.T
	server      *soakServer
	group       *sdk.Group
	truth       *soakTruth
	gapsAllowed bool
	nap         time.Duration // of slow readers

	ctx        context.Context // bounds everything; ends with the first failures
	cancel     context.CancelFunc
	failures   atomic.Int64
	deliveries atomic.Int64
	kills      int

	readers    []*soakReader
	publishers []*soakPublisher
	working    sync.WaitGroup // publishers, and what goes wrong
}

// failed notes that something is wrong. Soon that is enough.
func (r *soakRun) failed(format string, args ...any) {
	if r.ctx.Err() != nil {
		return // all that comes of it
	}
	r.t.Errorf(format, args...)
	if r.failures.Add(1) >= 10 {
		r.cancel()
	}
}

// pause waits, while the run goes on.
func (r *soakRun) pause(d time.Duration) {
	select {
	case <-r.ctx.Done():
	case <-time.After(d):
	}
}

// newSoakRun has everybody connect.
func newSoakRun(t *testing.T, length time.Duration, keep int) *soakRun {
	r := &soakRun{t: t, truth: newSoakTruth(), gapsAllowed: keep > 0}
	r.ctx, r.cancel = context.WithTimeout(context.Background(), 2*length+4*patience)
	t.Cleanup(r.cancel)
	r.server = newSoakServer(t, keep)
	config := sdk.GroupConfig{Random: func() float64 { return rand.Float64() / 200 }}
	config.Net = weir.Config{Loops: 1, Linger: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	config.Net.Socket.ReadBuffer = soakBuffer
	var err error
	if r.group, err = sdk.NewGroup(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.cancel()
		r.working.Wait()
		r.group.Close()
		eventually(t, "all clients have ended", func() bool { return r.group.Stats().Clients == 0 })
	})
	for _, kind := range soakKinds {
		reader := newSoakReader(r, kind)
		// From the beginning, which for a session is where it was subscribed.
		from := map[string]protocol.Cursor{}
		for _, f := range kind.filters {
			if kind.mode != sessions {
				from[f] = protocol.Cursor{}
			}
		}
		reader.open(from, false)
		r.readers = append(r.readers, reader)
	}
	for i, name := range []string{"ann", "bob", "cid", "dot"} {
		u := "tcp://" + r.server.tcp.addr()
		if i%2 == 1 {
			u = "ws://" + r.server.web.addr() + "/ws"
		}
		c, err := sdk.Dial(r.ctx, sdk.Config{URL: u, Group: r.group})
		if err != nil {
			t.Fatal(err)
		}
		r.publishers = append(r.publishers, &soakPublisher{run: r, name: name, c: c})
	}
	for _, reader := range r.readers {
		reader.ready()
	}
	// Where sessions begin is stored when the server is shut down, and not yet if it is
	// killed.
	r.server.stop()
	r.server.start()
	return r
}

// soak has everybody at work, and everything go wrong, until done.
func (r *soakRun) soak(absence time.Duration, done func() bool) {
	stop := make(chan struct{})
	for _, p := range r.publishers {
		for _, name := range soakTopics {
			r.working.Go(func() { p.publish(name, stop) })
		}
	}
	forever := func(f func()) {
		r.working.Go(func() {
			for r.ctx.Err() == nil {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	for _, reader := range r.readers {
		forever(func() {
			r.pause(time.Duration(300+rand.IntN(1000)) * time.Millisecond)
			reader.reopen(time.Duration(rand.Int64N(int64(absence))))
		})
	}
	for _, p := range []*soakProxy{r.server.tcp, r.server.web} {
		p.faults.Store(true)
		forever(func() {
			r.pause(time.Duration(rand.IntN(300)) * time.Millisecond)
			p.hurt()
		})
	}
	began, told := time.Now(), time.Now()
	for r.ctx.Err() == nil && !done() {
		r.pause(time.Duration(1000+rand.IntN(1000)) * time.Millisecond)
		r.server.kill()
		r.kills++
		r.pause(time.Duration(rand.IntN(100)) * time.Millisecond)
		r.server.start()
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			r.t.Logf("%v: %s", time.Since(began).Round(time.Second), r.summary())
		}
	}
	close(stop)
	for _, p := range []*soakProxy{r.server.tcp, r.server.web} {
		p.faults.Store(false)
	}
	r.working.Wait()
}

// settle waits until everybody has got everything.
func (r *soakRun) settle() {
	last := r.truth.last()
	for _, reader := range r.readers {
		for _, v := range reader.views {
			for where, ok := v.reached(last); !ok; where, ok = v.reached(last) {
				if r.ctx.Err() != nil {
					r.t.Fatal(where)
				}
				r.pause(5 * time.Millisecond)
			}
		}
	}
}

// summary is what has happened.
func (r *soakRun) summary() string {
	var repeated, recognised int64
	for _, p := range r.publishers {
		repeated += p.repeated.Load()
		recognised += p.recognised.Load()
	}
	messages := uint64(0)
	for _, n := range r.truth.last() {
		messages += n
	}
	s := r.group.Stats()
	return fmt.Sprintf("%d messages, %d deliveries, %d kills, %d resets, %d stalls, %d connects, %d published twice, "+
		"%d sent again of which %d had been stored, %d left out by clients, %d gaps",
		messages, r.deliveries.Load(), r.kills, r.server.tcp.resets.Load()+r.server.web.resets.Load(),
		r.server.tcp.stalls.Load()+r.server.web.stalls.Load(), s.Connects, repeated, s.Resent, recognised, s.Duplicates, s.Gaps)
}

// Connections are reset, stall, or are read slowly; processes end and are replaced; the
// server is killed: every message of QoS 1 that was acknowledged arrives at every
// subscription, in order, once for each Client, and nothing is said to be missing.
func TestSoak(t *testing.T) {
	r := newSoakRun(t, *soakFor, 0)
	r.nap = 200 * time.Millisecond
	end := time.Now().Add(*soakFor)
	r.soak(300*time.Millisecond, func() bool { return time.Now().After(end) })
	r.settle()
	if r.truth.check(t) == 0 || r.kills == 0 {
		t.Error("nothing has happened")
	}
	t.Log(r.summary())
}

// With a log that keeps next to nothing, messages are lost, and whoever has not got them
// was told so.
func TestSoakGaps(t *testing.T) {
	r := newSoakRun(t, *soakFor/3, 10)
	r.nap = time.Second
	end := time.Now().Add(*soakFor / 3)
	r.soak(2*time.Second, func() bool { return time.Now().After(end) && r.gapsOfAllKinds() })
	r.settle()
	r.truth.check(t)
	t.Log(r.summary())
}

// gapsOfAllKinds reports whether gaps were announced for exact filters and for those with
// wildcards.
func (r *soakRun) gapsOfAllKinds() bool {
	var exact, wild bool
	for _, reader := range r.readers {
		for _, v := range reader.views {
			v.mu.Lock()
			if len(v.gaps) > 0 {
				exact = exact || !topic.Wildcard(v.filter)
				wild = wild || topic.Wildcard(v.filter)
			}
			v.mu.Unlock()
		}
	}
	return exact && wild
}
