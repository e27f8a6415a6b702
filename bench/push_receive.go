//go:build unix

package main

import (
	"bytes"
	"fmt"
)

// delivered takes a delivery on connection i.
func (l *pushLoad) delivered(i int, delivery []byte, now int64) error {
	k, err := l.recognise(delivery)
	if err != nil {
		return err
	}
	c := &l.conns[i]
	switch {
	case k.p.topic != int(c.topic):
		return fmt.Errorf("connection %d is subscribed to topic %d and gets a message of %d", i+1, c.topic, k.p.topic)
	case k.p.seq <= c.seq:
		l.count.Duplicates++
		return nil
	case k.p.seq > c.seq+1:
		l.missed(c, k.p.seq-1)
	}
	c.seq = k.p.seq
	l.has(k)
	if k.offset != 0 {
		c.offset = k.offset
	}
	l.arrived++
	l.window.delivered(k.p.planned-l.epoch, now)
	if c.behind && c.seq >= l.board.last[c.topic].Load() {
		l.caughtUp(i, now)
	}
	return nil
}

// missed counts publications that did not come on a connection, up to one.
func (l *pushLoad) missed(c *pushConn, upTo uint64) {
	l.count.Lost += int64(upTo - c.seq)
	if l.count.Problem == "" {
		l.count.Problem = fmt.Sprintf("%d messages are missing behind message %d of topic %d", upTo-c.seq, c.seq, c.topic)
	}
	for seq := c.seq + 1; seq <= upTo; seq++ { // nobody waits for them any more
		k := l.place(l.board.number(int(c.topic), seq))
		if id := l.board.number(int(c.topic), seq) + 1; k.id != id {
			*k = knownDelivery{bytes: k.bytes[:0], id: id, p: publication{seq: seq, topic: int(c.topic)}}
		}
		l.has(k)
	}
	c.seq = upTo
}

func (l *pushLoad) place(number uint64) *knownDelivery { return &l.known[number%uint64(len(l.known))] }

// has takes note that a publication has come on one more connection, or never will.
func (l *pushLoad) has(k *knownDelivery) {
	if k.got++; k.got >= l.live[k.p.topic] {
		l.advance()
	}
}

// advance tells the others how far all subscribers of this load are.
func (l *pushLoad) advance() {
	mine := l.board.complete[l.index]
	n, published := mine.Load(), l.board.published.Load()
	for ; n < published; n++ {
		k := l.place(n)
		if live := l.live[n%uint64(len(l.live))]; live > 0 && (k.id != n+1 || k.got < live) {
			break
		}
	}
	mine.Store(n)
}

// recognise takes a delivery apart, or finds that it is one of those before.
func (l *pushLoad) recognise(delivery []byte) (*knownDelivery, error) {
	if n := len(delivery) - len(l.payload.data); n >= 0 { // the data should be at the end
		p := l.payload.head(delivery[n:])
		if k := l.place(l.board.number(p.topic, p.seq)); bytes.Equal(k.bytes, delivery) {
			return k, nil
		}
	}
	topic, offset, data, err := l.dialect.decode(delivery)
	if err != nil {
		return nil, err
	}
	p, err := l.payload.read(data)
	if err != nil {
		return nil, err
	}
	if p.topic >= len(l.names) || topic != l.names[p.topic] {
		return nil, fmt.Errorf("a message of topic %d comes with the topic %q", p.topic, topic)
	}
	number := l.board.number(p.topic, p.seq)
	k := l.place(number)
	if k.id != number+1 {
		k.id, k.got = number+1, 0
	}
	k.bytes, k.p, k.offset = append(k.bytes[:0], delivery...), p, offset
	return k, nil
}
