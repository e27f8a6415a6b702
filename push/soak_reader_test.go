package push_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	sdk "github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// soakMode is how a reader goes on.
type soakMode uint8

const (
	steady   soakMode = iota // with the Client that it has begun with
	handOver                 // with a new Client, from the cursors of the one before
	sessions                 // with a new Client, from what its session has acknowledged
)

// soakKind is what a reader is like.
type soakKind struct {
	name     string
	socket   bool
	encoding protocol.Encoding
	mode     soakMode
	slow     int // a nap after so many messages; 0: none
	filters  []string
}

// soakReader is who is subscribed, with one Client after the other.
type soakReader struct {
	soakKind
	run   *soakRun
	c     *sdk.Client
	views []*soakView
}

// soakView is what a subscription of a reader has got.
type soakView struct {
	reader *soakReader
	filter string
	sub    *sdk.Subscription

	mu    sync.Mutex
	life  int               // of the Client whose callbacks count
	again map[string]bool   // topics that may go back, once
	at    map[string]uint64 // the offset of the last message, by topic
	known map[string]int    // how many gaps had been announced then
	gaps  []sdk.Gap
	got   int
}

func newSoakReader(run *soakRun, kind soakKind) *soakReader {
	r := &soakReader{soakKind: kind, run: run}
	for _, f := range kind.filters {
		r.views = append(r.views, &soakView{reader: r, filter: f, at: map[string]uint64{}, again: map[string]bool{}, known: map[string]int{}})
	}
	return r
}

// open begins with a new Client, from cursors by filter. back says that messages may come
// which were there before.
func (r *soakReader) open(from map[string]protocol.Cursor, back bool) {
	config := sdk.Config{
		URL: "tcp://" + r.run.server.tcp.addr(), Encoding: r.encoding, Group: r.run.group,
		AckDelay: 100 * time.Millisecond, OnError: func(err error) { r.run.failed("%s: %v", r.name, err) },
	}
	if r.socket {
		config.URL = "ws://" + r.run.server.web.addr() + "/ws"
	}
	if r.mode == sessions {
		config.Session = r.name
	}
	var c *sdk.Client
	config.OnState = func(s sdk.StateChange) {
		if s.State != sdk.Stopped {
			return
		}
		// What the Client before has sent may come to the server behind what this one
		// has, by another connection.
		var e *sdk.Error
		if errors.As(s.Err, &e) && e.Code == protocol.CodeTakenOver {
			_ = c.Reconnect() // or it is closed
			return
		}
		r.run.failed("%s: stopped: %v", r.name, s.Err)
	}
	c, err := sdk.New(config)
	if err != nil {
		r.run.failed("%s: %v", r.name, err)
		return
	}
	r.c = c
	for _, v := range r.views {
		o := sdk.SubOptions{QoS: protocol.AtLeastOnce, OnGap: v.gap, OnError: config.OnError}
		if cursor, ok := from[v.filter]; ok {
			o.From = &cursor
		}
		life := v.begin(back)
		if v.sub, err = c.Subscribe(v.filter, o, func(m sdk.Message) { v.message(life, m) }); err != nil {
			r.run.failed("%s: %v", r.name, err)
		}
	}
	if err := c.Start(); err != nil {
		r.run.failed("%s: %v", r.name, err)
	}
}

// ready waits until all subscriptions are.
func (r *soakReader) ready() {
	for _, v := range r.views {
		if err := v.sub.Ready(r.run.ctx); err != nil {
			r.run.failed("%s: %s: %v", r.name, v.filter, err)
		}
	}
}

// reopen goes on with a new Client, after an absence, if the mode is one for that.
func (r *soakReader) reopen(absence time.Duration) {
	if r.mode == steady {
		return
	}
	// Either properly, or as if the process had ended at any moment, with the cursors
	// that it had stored before.
	from := r.c.Cursors()
	ctx, cancel := context.WithTimeout(r.run.ctx, patience)
	defer cancel()
	crash := rand.IntN(2) == 0
	if crash {
		cancel()
	}
	if err := r.c.Close(ctx); err != nil && !crash {
		r.run.failed("%s: Close: %v", r.name, err)
	}
	if r.mode == sessions {
		from = nil
	} else if !crash {
		for _, v := range r.views {
			from[v.filter], _ = v.sub.Cursor()
		}
	}
	for _, v := range r.views {
		v.end()
	}
	r.run.pause(absence)
	r.open(from, crash || r.mode == sessions)
}

// begin returns the number of a new life.
func (v *soakView) begin(back bool) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.life++
	for name := range v.at {
		v.again[name] = back || v.again[name] // it has perhaps got none of them yet
	}
	return v.life
}

// end has what comes from now on not count: a callback may still run after a crash.
func (v *soakView) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.life++
}

func (v *soakView) gap(g sdk.Gap) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gaps = append(v.gaps, g)
	if !v.reader.run.gapsAllowed {
		v.reader.run.failed("%s: %s: a gap: %+v", v.reader.name, v.filter, g)
	}
}

// message checks that this is what has to come.
func (v *soakView) message(life int, m sdk.Message) {
	run := v.reader.run
	item, err := parseSoakItem(m.Data)
	if err == nil {
		err = run.truth.note(m.Topic, m.Offset, item)
	}
	v.mu.Lock()
	if life != v.life {
		v.mu.Unlock()
		return
	}
	if err == nil {
		err = v.follows(m)
	}
	v.again[m.Topic] = false
	v.at[m.Topic], v.known[m.Topic] = m.Offset, len(v.gaps)
	v.got++
	nap := v.reader.slow > 0 && v.got%v.reader.slow == 0
	v.mu.Unlock()
	run.deliveries.Add(1)
	if err != nil {
		run.failed("%s: %s: %s, offset %d, %v: %v", v.reader.name, v.filter, m.Topic, m.Offset, item, err)
	}
	if nap {
		run.pause(run.nap)
	}
}

// follows checks that a message comes behind the last one of its topic, and that what is
// missing between was announced. v.mu is held.
func (v *soakView) follows(m sdk.Message) error {
	at := v.at[m.Topic]
	switch {
	case !topic.Match(v.filter, m.Topic):
		return errors.New("it is none of the filter's")
	case m.Offset == at+1:
		return nil
	case m.Offset <= at && v.again[m.Topic]:
		return nil
	case m.Offset <= at:
		return fmt.Errorf("it has come before; the last one was %d", at)
	}
	announced := v.gaps[v.known[m.Topic]:]
	if topic.Wildcard(v.filter) {
		// They are about positions, of all topics.
		if len(announced) == 0 {
			return fmt.Errorf("nobody has said that something is missing behind %d", at)
		}
		return nil
	}
	reached := at
	for _, g := range announced {
		if g.From.Offset <= reached {
			reached = max(reached, g.To.Offset)
		}
	}
	if reached < m.Offset-1 {
		return fmt.Errorf("what is missing behind %d was announced up to %d only, by %+v", at, reached, announced)
	}
	return nil
}

// reached reports whether the view has got the last message of each topic, and otherwise
// where it is.
func (v *soakView) reached(last map[string]uint64) (where string, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, offset := range last {
		if topic.Match(v.filter, name) && v.at[name] != offset {
			return fmt.Sprintf("%s: %s: has %d of %d messages of %s", v.reader.name, v.filter, v.at[name], offset, name), false
		}
	}
	return "", true
}
