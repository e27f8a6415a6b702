//go:build unix

package main

import (
	"math/rand/v2"
	"sync"
)

// broadcastPayload is the message that servers broadcast and loads expect: the
// same one whoever makes it, and not the beginning of what an echo sends.
func broadcastPayload(size int) []byte {
	p := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(p) // never fails
	return p
}

// A roster is the connections of a peer that has to keep them itself in order to
// broadcast, as the hub of a chat does. Its zero value is empty.
type roster[C comparable] struct {
	mu    sync.Mutex
	conns map[C]struct{}
}

func (r *roster[C]) add(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		r.conns = make(map[C]struct{})
	}
	r.conns[c] = struct{}{}
}

func (r *roster[C]) remove(c C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// each calls send for every connection and returns how often that went well. A
// connection that fails is left to its reader, which sees it, too.
func (r *roster[C]) each(send func(c C) error) (accepted int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		if send(c) == nil {
			accepted++
		}
	}
	return accepted
}
