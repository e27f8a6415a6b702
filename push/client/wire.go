package client

import (
	"encoding/binary"
	"sync"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push/protocol"
)

// scratch is what frames are put together in.
type scratch struct{ frame, out []byte }

var scratches = sync.Pool{New: func() any { return &scratch{} }}

// maxScratch is the size in bytes of the largest buffer that is kept.
const maxScratch = 64 << 10

func (s *scratch) release() {
	if cap(s.frame) <= maxScratch && cap(s.out) <= maxScratch {
		s.frame, s.out = s.frame[:0], s.out[:0]
		scratches.Put(s)
	}
}

// add appends a frame to what is to be sent.
func (s *scratch) add(c *Client, f protocol.Frame) (err error) {
	if s.frame, err = protocol.Append(s.frame[:0], c.config.Encoding, f); err != nil {
		return err
	}
	if !c.to.ws {
		s.out = append(binary.AppendUvarint(s.out, uint64(len(s.frame))), s.frame...)
		return nil
	}
	op := websocket.Binary
	if c.config.Encoding == protocol.JSON {
		op = websocket.Text
	}
	s.out = websocket.AppendMasked(s.out, op, true, false, s.frame)
	return nil
}

// send sends frames, all or none. The error wraps protocol.ErrUnencodable, or is of the
// connection. It does not block. c.mu is held.
func (c *Client) send(frames ...protocol.Frame) error {
	if c.conn == nil {
		return ErrNotConnected
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	for _, f := range frames {
		if err := s.add(c, f); err != nil {
			return err
		}
	}
	_, err := c.conn.Write(s.out)
	return err
}

// ping asks the server for a sign of life.
func (c *Client) ping(conn *weir.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == conn {
		_ = c.send(protocol.Ping{}) // if it is refused, silence will tell
	}
}

// dead ends a connection on which the server is silent.
func (c *Client) dead(conn *weir.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == conn {
		c.group.counts.dead.Add(1)
		c.cut(ErrHeartbeat)
	}
}

// writable goes on with what did not fit.
func (c *Client) writable(conn *weir.Conn) {
	c.mu.Lock()
	defer c.unlock()
	if c.conn == conn && c.connected {
		c.sendSubs()
		c.pump()
	}
}
