package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// pushFloorPeers is a slice because there are none outside Linux.
func pushFloorPeers() []peer {
	return []peer{{
		name:  "floor",
		about: "a bare epoll loop, one thread, one write call to each subscriber: what the kernel costs",
		start: startPushFloor,
	}}
}

// A pushFloor is the floor of the echo benchmark with as much of WebSockets and of
// chat messages as it takes: a list of descriptors for each topic, and for a
// publication one write of the same frame to each. It has no queues but for a
// socket that is full, no limits, and trusts its clients.
type pushFloor struct {
	floor
	clients []floorClient // by fd
	topics  map[string]*floorTopic
	frame   []byte
}

type floorTopic struct{ fds []int32 }

type floorClient struct {
	shaken bool
	rest   []byte // what has not come whole
	topic  *floorTopic
	at     int // in its list
}

func startPushFloor(s *stage) (string, error) {
	if s.idle > 0 {
		return "", errors.New("the floor has no timers, so no -idle")
	}
	ln, addr, err := floorListen(s)
	if err != nil {
		return "", err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return "", os.NewSyscallError("epoll_create1", err)
	}
	limit, err := raiseFileLimit()
	if err != nil {
		return "", err
	}
	f := &pushFloor{
		floor: floor{
			ep: ep, ln: ln, work: s.work, buf: make([]byte, 64<<10),
			pending: make([][]byte, limit), open: make([]bool, limit),
		},
		clients: make([]floorClient, limit),
		topics:  make(map[string]*floorTopic),
	}
	if err := f.control(unix.EPOLL_CTL_ADD, ln, unix.EPOLLIN); err != nil {
		return "", err
	}
	go f.loop()
	return addr, nil
}

func (f *pushFloor) loop() {
	var events [1024]unix.EpollEvent
	for {
		n, interrupted, err := epollWait(f.ep, events[:], 0)
		if n == 0 && err == nil && !interrupted {
			// A sleep that lets the processor go costs more, but here it is shared by
			// as many deliveries as there are subscribers.
			if n, err = unix.EpollWait(f.ep, events[:], -1); err == unix.EINTR {
				continue
			}
		}
		if err != nil {
			panic(os.NewSyscallError("epoll_wait", err))
		}
		if interrupted {
			runtime.Gosched()
		}
		for i := range events[:n] {
			fd := int(events[i].Fd)
			switch {
			case fd == f.ln:
				f.accept()
				continue
			case !f.open[fd]: // closed by an event before this one
				continue
			case events[i].Events&unix.EPOLLOUT != 0:
				f.flush(fd)
			default:
				f.read(fd)
			}
			if !f.open[fd] {
				f.forget(fd)
			}
		}
	}
}

func (f *pushFloor) read(fd int) {
	n, errno := sysRead(fd, f.buf)
	if errno != 0 || n == 0 {
		if !transient(errno) {
			f.close(fd)
		}
		return
	}
	c, p := &f.clients[fd], f.buf[:n]
	if len(c.rest) > 0 {
		c.rest = append(c.rest, p...)
		p = c.rest
	}
	left, err := f.heard(fd, p)
	switch {
	case err != nil:
		f.close(fd)
	case len(left) == 0:
		c.rest = nil
	default:
		c.rest = append([]byte(nil), left...)
	}
}

// heard takes what is whole of p, and returns the rest.
func (f *pushFloor) heard(fd int, p []byte) ([]byte, error) {
	c := &f.clients[fd]
	if !c.shaken {
		end := bytes.Index(p, []byte("\r\n\r\n"))
		if end < 0 {
			return p, nil
		}
		// Whoever comes has the key that all loads have.
		f.write(fd, fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: %s\r\n\r\n", wsAccept))
		c.shaken, p = true, p[end+4:]
	}
	for f.open[fd] {
		first, payload, rest, ok := cutMasked(p)
		if !ok {
			break
		}
		p = rest
		if first != wsBinary {
			continue
		}
		for len(payload) > 0 {
			message, more, err := cutChat(payload)
			if err != nil {
				return nil, err
			}
			payload = more
			if topic, data := readChat(message); len(topic) == 0 {
				f.subscribe(fd, string(data))
			} else if t := f.topics[string(topic)]; t != nil {
				f.publish(t, message)
			}
		}
	}
	return p, nil
}

// cutMasked returns the payload of the first frame of p, unmasked in place, false
// if it has not come whole.
func cutMasked(p []byte) (first byte, payload, rest []byte, ok bool) {
	if len(p) < 2 {
		return 0, nil, p, false
	}
	head, n := 2, int(p[1]&0x7F)
	switch n {
	case 126:
		if head = 4; len(p) < head {
			return 0, nil, p, false
		}
		n = int(binary.BigEndian.Uint16(p[2:]))
	case 127:
		if head = 10; len(p) < head {
			return 0, nil, p, false
		}
		n = int(binary.BigEndian.Uint64(p[2:]))
	}
	if n < 0 || len(p)-head-4 < n {
		return 0, nil, p, false
	}
	key := [4]byte(p[head:])
	payload = p[head+4:][:n]
	if key != [4]byte{} {
		for i := range payload {
			payload[i] ^= key[i%4]
		}
	}
	return p[0], payload, p[head+4+n:], true
}

func (f *pushFloor) subscribe(fd int, topic string) {
	t := f.topics[topic]
	if t == nil {
		t = &floorTopic{}
		f.topics[topic] = t
	}
	c := &f.clients[fd]
	c.topic, c.at = t, len(t.fds)
	t.fds = append(t.fds, int32(fd))
	f.send(fd, append(appendWSHeader(nil, wsBinary, 0, len(chatSubscribed)), chatSubscribed...))
}

// publish is the cheapest there is: a bare loop of write calls.
func (f *pushFloor) publish(t *floorTopic, message []byte) {
	f.work()
	f.frame = append(appendWSHeader(f.frame[:0], wsBinary, 0, len(message)), message...)
	for i := len(t.fds) - 1; i >= 0; i-- { // backwards: who fails is replaced by the last
		if fd := int(t.fds[i]); !f.send(fd, f.frame) {
			f.forget(fd)
		}
	}
}

func (f *pushFloor) send(fd int, frame []byte) bool {
	if f.pending[fd] != nil { // what waits comes first
		f.pending[fd] = append(f.pending[fd], frame...)
		return true
	}
	return f.write(fd, frame)
}

// forget takes a closed descriptor out of its list.
func (f *pushFloor) forget(fd int) {
	c := &f.clients[fd]
	if t := c.topic; t != nil {
		last := len(t.fds) - 1
		moved := t.fds[last]
		t.fds[c.at] = moved
		f.clients[moved].at = c.at
		t.fds = t.fds[:last]
	}
	*c = floorClient{}
}
