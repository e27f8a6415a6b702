package client_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// The client accepts every frame of a server that the protocol's vectors have, and what
// it sends is what they have.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../protocol/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, Frame, From, Binary string
		Invalid                   bool
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	f := fake(t)
	g, _ := timed(t)
	c := start(t, client.Config{URL: f.url(), Group: g})
	p := f.accept()
	hello := expect[*protocol.Hello](p)
	p.send(&protocol.Welcome{Session: "s", MaxMessage: 100, MaxTopic: 255})
	p.sync()
	sent := map[string][]byte{"hello": binaryOf(t, hello)}
	taken, same := 0, map[string]bool{}
	for _, v := range vectors {
		if v.Invalid {
			continue
		}
		b, err := hex.DecodeString(v.Binary)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := protocol.Decode(protocol.Binary, b)
		if err != nil {
			t.Fatal(err)
		}
		if string(b) == string(sent[v.Frame]) {
			same[v.Frame] = true
		}
		switch x := frame.(type) {
		case *protocol.Welcome, *protocol.GoAway:
			continue // have their own tests
		case *protocol.Err:
			if x.ID == 0 {
				continue
			}
		}
		if v.From == "server" {
			p.send(frame)
			p.send(protocol.Ping{})
			for {
				// UNSUB of what it knows nothing of, and PONG twice for PING.
				if _, ok := p.read().(*protocol.Pong); ok && frame.Type() != protocol.TypePing {
					break
				} else if ok {
					frame = protocol.Pong{}
				}
			}
			taken++
		}
	}
	if taken == 0 || !same["hello"] {
		t.Errorf("%d frames were taken, sent as in the vectors: %v", taken, same)
	}
	if c.State() != client.Connected {
		t.Errorf("%v after all of them", c.State())
	}
}

func binaryOf(t *testing.T, f protocol.Frame) []byte {
	t.Helper()
	b, err := protocol.Append(nil, protocol.Binary, f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
