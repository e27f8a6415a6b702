package gateway

import (
	"testing"
	"time"

	"github.com/weir-go/weir/web"
)

// All who enter are called when their time has come, in order, and the lobby owns
// nothing after that.
func TestLobby(t *testing.T) {
	const n = 1000
	gone := make(chan *web.Socket, n)
	l := newLobby(20*time.Millisecond, func(s *web.Socket) { gone <- s })
	var sockets [n]*web.Socket
	for i := range sockets {
		sockets[i] = &web.Socket{}
		l.enter(sockets[i])
		if i == n/2 {
			<-gone // some have left already when others come
			gone <- sockets[0]
		}
	}
	seen := map[*web.Socket]bool{}
	for len(seen) < n {
		select {
		case s := <-gone:
			seen[s] = true
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of %d were called", len(seen), n)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting != nil || l.timer != nil {
		t.Errorf("%d wait still", len(l.waiting))
	}
}
