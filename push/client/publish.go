package client

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// PubOptions are how a message is to be published.
type PubOptions struct {
	QoS protocol.QoS

	// TTL is the time after which the message need not be delivered any more, rounded
	// up to seconds. 0: the server's retention.
	TTL time.Duration

	// ID is the message's, with QoS 1: when the same comes again from this session, by
	// another process perhaps, it is not stored again. "": one that is made up.
	ID string
}

// Receipt is what has become of a message of QoS 1: it is in the server's log.
type Receipt struct {
	Epoch     uint64
	Offset    uint64
	Duplicate bool // it was there already
	MessageID string
}

// Publish publishes a message. With QoS 1 it returns when the server has stored it: the
// message is sent again after a reconnect, or when the server could not store it for the
// time being, and stored once nevertheless. When ctx ends first it is not known whether
// the message was stored; ctx's error is returned. With QoS 0 Publish returns when the
// message was handed to the connection, and the Receipt is empty.
//
// The error may be ErrBacklog, ErrClosed, ErrNotConnected for QoS 0, an *Error of the
// server, also the one for which the client has stopped, or a *ConfigError.
func (c *Client) Publish(ctx context.Context, topic string, data []byte, o PubOptions) (Receipt, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{}, err
	}
	if o.QoS == protocol.AtMostOnce {
		return Receipt{}, c.publishOnce(topic, data, o)
	}
	type answer struct {
		r   Receipt
		err error
	}
	answered := make(chan answer, 1)
	p, err := c.enqueue(topic, data, o, func(r Receipt, err error) { answered <- answer{r, err} })
	if err != nil {
		return Receipt{}, err
	}
	select {
	case a := <-answered:
		return a.r, a.err
	case <-ctx.Done():
	}
	c.abandon(p)
	select {
	case a := <-answered:
		return a.r, a.err
	default:
		return Receipt{MessageID: p.MessageID}, fmt.Errorf("push client: no answer to a publication: %w", ctx.Err())
	}
}

// PublishAsync is Publish that does not wait. done, which may be nil, is called once
// with what has become of a message of QoS 1, unless PublishAsync returns an error; on
// any goroutine, also before PublishAsync returns; it must not block.
func (c *Client) PublishAsync(ctx context.Context, topic string, data []byte, o PubOptions, done func(Receipt, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.QoS == protocol.AtMostOnce {
		err := c.publishOnce(topic, data, o)
		if err == nil && done != nil {
			done(Receipt{}, nil)
		}
		return err
	}
	if ctx.Done() == nil {
		_, err := c.enqueue(topic, append([]byte(nil), data...), o, done)
		return err
	}
	var p *publication
	made := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		<-made
		if p != nil && c.abandon(p) && done != nil {
			done(Receipt{MessageID: p.MessageID}, fmt.Errorf("push client: no answer to a publication: %w", ctx.Err()))
		}
	})
	p, err := c.enqueue(topic, append([]byte(nil), data...), o, func(r Receipt, err error) {
		stop()
		if done != nil {
			done(r, err)
		}
	})
	close(made)
	if err != nil {
		stop()
	}
	return err
}

// checkPublish checks what needs no server. The error is a *ConfigError.
func checkPublish(name string, o PubOptions) error {
	if err := topic.Check(name, maxFilter); err != nil {
		return &ConfigError{Field: "topic", Problem: err.Error(), Err: err}
	}
	switch {
	case o.QoS > protocol.AtLeastOnce:
		return &ConfigError{Field: "QoS", Problem: "is neither 0 nor 1"}
	case o.TTL < 0 || o.TTL > maxTTL:
		return &ConfigError{Field: "TTL", Problem: "is negative, or more than 136 years"}
	case len(o.ID) > maxFilter:
		return &ConfigError{Field: "ID", Problem: "is too long"}
	}
	return nil
}

const maxTTL = (1<<32 - 1) * time.Second

func seconds(d time.Duration) uint32 { return uint32((d + time.Second - 1) / time.Second) }

// publishOnce publishes with QoS 0.
func (c *Client) publishOnce(topic string, data []byte, o PubOptions) error {
	if err := checkPublish(topic, o); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.unlock()
	switch {
	case c.closing:
		return ErrClosed
	case c.state == Stopped:
		return c.err
	case !c.connected || c.leaving:
		return ErrNotConnected
	case !c.conn.Writable():
		c.group.counts.backlogged.Add(1)
		return ErrBacklog
	}
	f := &protocol.Pub{ID: c.id(), Topic: topic, TTL: seconds(o.TTL), Data: data}
	if err := c.fits(f); err != nil {
		return err
	}
	if err := c.send(f); err != nil {
		return fmt.Errorf("%w: %w", ErrNotConnected, err)
	}
	c.group.counts.published.Add(1)
	return nil
}

// fits checks what would have the server end the connection. c.mu is held.
func (c *Client) fits(f *protocol.Pub) error {
	switch {
	case len(f.Data) > int(c.limits.message):
		return oversized(len(f.Data), c.limits.message)
	case len(f.Topic) > int(c.limits.topic):
		return &Error{Code: protocol.CodeTopic, Message: "the topic is longer than the server takes"}
	case len(f.MessageID) > int(c.limits.topic):
		return &Error{Code: protocol.CodeTooLarge, Message: "the id is longer than the server takes"}
	}
	return nil
}

// enqueue takes a message of QoS 1 in. data has to stay until done is called.
func (c *Client) enqueue(topic string, data []byte, o PubOptions, done func(Receipt, error)) (*publication, error) {
	if err := checkPublish(topic, o); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.unlock()
	switch {
	case c.closing:
		return nil, ErrClosed
	case c.state == Stopped:
		return nil, c.err
	}
	if c.pubs == nil {
		c.pubs = &publisher{prefix: prefix()}
	}
	q := c.pubs
	if q.count >= c.config.MaxWaiting || q.count > 0 && q.bytes+len(data) > c.config.MaxWaitingBytes {
		c.group.counts.backlogged.Add(1)
		return nil, ErrBacklog
	}
	q.serial++
	p := &publication{serial: q.serial, done: done, Pub: protocol.Pub{
		Topic: topic, MessageID: o.ID, QoS: protocol.AtLeastOnce, TTL: seconds(o.TTL), Data: data,
	}}
	if p.MessageID == "" {
		p.MessageID = q.prefix + strconv.FormatUint(q.serial, 36)
	}
	q.add(p)
	c.pump()
	return p, nil
}
