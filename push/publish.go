package push

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// Publication is a message to be published by the server itself or the HTTP API.
type Publication struct {
	Topic     string
	Data      []byte // must not be changed afterwards
	QoS       protocol.QoS
	TTL       time.Duration // 0: the log's retention
	Publisher string        // with MessageID: who duplicates are told for
	MessageID string
}

// Receipt is what has become of a Publication.
type Receipt struct {
	Epoch     uint64 `json:"epoch,omitempty"` // QoS 1, as what follows
	Offset    uint64 `json:"offset,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// Publish publishes p and returns when it is in the log (QoS 1), or accepted (QoS 0).
// The error is a *Error, or ctx's, after which it is unknown whether p was published: to
// do it again with the same MessageID is harmless. It blocks.
func (s *Server) Publish(ctx context.Context, p Publication) (Receipt, error) {
	receipts, errs := s.PublishAll(ctx, []Publication{p})
	if errs != nil {
		return Receipt{}, errs[0]
	}
	return receipts[0], nil
}

// PublishAll publishes several messages, in order, and waits for all of them: their
// appending is one group. errs has an error or nil for each; it is nil if there is none.
func (s *Server) PublishAll(ctx context.Context, ps []Publication) (receipts []Receipt, errs []error) {
	receipts = make([]Receipt, len(ps))
	fail := func(i int, err error) {
		if errs == nil {
			errs = make([]error, len(ps))
		}
		errs[i] = err
	}
	type answer struct {
		i       int
		receipt Receipt
		err     *Error
	}
	answers := make(chan answer, len(ps))
	waiting := 0
	var group []*publication
	for i, p := range ps {
		if err := s.checkPublication(p.Topic, p.MessageID, p.QoS, len(p.Data), true); err != nil {
			fail(i, err)
			continue
		}
		m := newMessage(p.Topic, p.QoS, p.Data)
		m.identify(p.Publisher, p.MessageID, p.TTL)
		pub := s.begin(ctx, m)
		if p.QoS == protocol.AtLeastOnce {
			pub.answer = func(r Receipt, err *Error) { answers <- answer{i, r, err} }
			waiting++
		}
		group = append(group, pub)
	}
	if err := s.pipeline.enter(group...); err != nil {
		for _, pub := range group {
			s.traceEnd(pub, err)
		}
		for i := range ps {
			if errs == nil || errs[i] == nil {
				fail(i, err)
			}
		}
		return receipts, errs
	}
	done := make([]bool, len(ps))
	for ; waiting > 0; waiting-- {
		select {
		case a := <-answers:
			done[a.i] = true
			receipts[a.i] = a.receipt
			if a.err != nil {
				fail(a.i, a.err)
			}
		case <-ctx.Done():
			for i, p := range ps {
				if p.QoS == protocol.AtLeastOnce && !done[i] && (errs == nil || errs[i] == nil) {
					fail(i, ctx.Err())
				}
			}
			return receipts, errs
		}
	}
	return receipts, errs
}

// identify sets what a message is known by, and until when it is worth something.
func (m *message) identify(publisher, id string, ttl time.Duration) {
	if m.qos == protocol.AtLeastOnce {
		m.record.Publisher, m.record.MessageID = publisher, id
	}
	if ttl > 0 {
		m.record.Expires = time.Now().Add(ttl).UnixMilli()
	}
}

// checkPublication checks what may be published. The server's own topics, which begin
// with "$", are only for itself.
func (s *Server) checkPublication(name, id string, qos protocol.QoS, size int, own bool) *Error {
	switch err := topic.Check(name, s.config.MaxTopic); {
	case err != nil:
		return &Error{Code: protocol.CodeTopic, Message: err.Error(), Err: err}
	case strings.HasPrefix(name, "$") && !own:
		return refusal(protocol.CodeForbidden, "topics that begin with $ are the server's")
	case qos > protocol.AtLeastOnce:
		return refusal(protocol.CodeQoS, "the qos of a message is 0 or 1")
	case len(id) > s.config.MaxTopic || !utf8.ValidString(id):
		return refusal(protocol.CodeTooLarge, fmt.Sprintf("a message id is UTF-8, of up to %d bytes", s.config.MaxTopic))
	case size > s.config.MaxMessage:
		return refusal(protocol.CodeTooLarge, fmt.Sprintf("the message has %d bytes, %d are allowed", size, s.config.MaxMessage))
	}
	return nil
}

// publish takes a PUB. The turn's.
func (c *Session) publish(f *protocol.Pub) {
	s := c.format.server
	err := s.checkPublication(f.Topic, f.MessageID, f.QoS, len(f.Data), false)
	if err == nil && !allowed(c.who().Publish, f.Topic) {
		err = refusal(protocol.CodeForbidden, "the token does not allow to publish to "+f.Topic)
	}
	if err != nil {
		c.refusePub(f.ID, err)
		return
	}
	data := f.Data
	if c.format.Encoding == protocol.Binary {
		data = append([]byte(nil), data...) // a part of the frame until now
	}
	m := newMessage(f.Topic, f.QoS, data)
	m.identify(c.key, f.MessageID, time.Duration(f.TTL)*time.Second)
	pub := s.begin(context.Background(), m)
	pub.session, pub.id = c, f.ID
	c.mu.Lock()
	if f.QoS == protocol.AtLeastOnce {
		x := c.ext()
		if x.flight++; x.flight >= s.config.MaxFlight {
			c.hold(sessionFull)
		}
	}
	c.mu.Unlock()
	if err := s.pipeline.enter(pub); err != nil {
		s.traceEnd(pub, err)
		if f.QoS == protocol.AtLeastOnce {
			c.answer(f.ID, Receipt{}, err)
		} else {
			c.refusePub(f.ID, err)
		}
	}
	if s.pipeline.congested() {
		c.mu.Lock()
		if !c.has(sessionCongested) && s.pipeline.wait(c) {
			c.hold(sessionCongested)
		}
		c.mu.Unlock()
	}
}

// answer has the client told what has become of a PUB of QoS 1. Answers that come
// together leave together, in a turn.
func (c *Session) answer(id uint32, r Receipt, e *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(sessionEnded) {
		return
	}
	x := c.ext()
	if x.flight--; x.flight < c.format.server.config.MaxFlight {
		c.release(sessionFull)
	}
	var f protocol.Frame = &protocol.PubAck{ID: id, Epoch: r.Epoch, Offset: r.Offset, Duplicate: r.Duplicate}
	if e != nil {
		c.format.server.refused(e.Code)
		f = e.frame(id)
	}
	x.acks = append(x.acks, f)
	if len(x.acks) == 1 && c.sink.Do(c.sendAnswers) != nil {
		x.acks = nil // it has ended
	}
}

// sendAnswers sends the answers that wait. The turn's.
func (c *Session) sendAnswers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rare == nil {
		return
	}
	acks := c.rare.acks
	c.rare.acks = nil
	for _, f := range acks {
		c.sendLocked(f)
	}
}

// hold stops reading from the client for a reason, and release goes on when there is none
// left. c.mu is held.
func (c *Session) hold(reason sessionFlags) {
	if !c.has(sessionHeld) {
		c.sink.Pause()
	}
	c.set(reason)
}

func (c *Session) release(reason sessionFlags) {
	if !c.has(reason) {
		return
	}
	c.unset(reason)
	if !c.has(sessionHeld) {
		c.sink.Resume()
	}
}
