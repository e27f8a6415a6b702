package push_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

// printer is a Sink that prints the messages it is sent. Package gateway has those of
// real connections.
type printer struct{ done chan struct{} }

func (p printer) Send(wire any) error {
	f, err := protocol.Decode(protocol.JSON, wire.([]byte))
	if m, ok := f.(*protocol.Msg); ok {
		fmt.Printf("%s, offset %d: %s\n", m.Topic, m.Offset, m.Data)
		close(p.done)
	}
	return err
}

func (p printer) Write([]byte) error         { return nil }
func (p printer) Writable() bool             { return true }
func (p printer) Buffered() int              { return 0 }
func (p printer) Do(f func()) error          { go f(); return nil }
func (p printer) Pause()                     {}
func (p printer) Resume()                    {}
func (p printer) SetPing(time.Duration)      {}
func (p printer) Close(protocol.Code)        {}
func (p printer) RemoteAddr() netip.AddrPort { return netip.AddrPort{} }

func ExampleServer() {
	s, err := push.New(push.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	format := &push.Format{
		Name:     "example",
		Encoding: protocol.JSON,
		Wrap:     func(frame []byte) (any, int, error) { return frame, len(frame), nil },
	}
	if err := s.Register(format); err != nil {
		fmt.Println(err)
		return
	}

	p := printer{make(chan struct{})}
	session := s.Attach(p, format)
	session.Receive([]byte(`{"type":"hello","version":1}`))
	session.Receive([]byte(`{"type":"sub","id":1,"filter":"weather/+","qos":1}`))

	if _, err := s.Publish(context.Background(), push.Publication{Topic: "weather/oslo", QoS: 1, Data: []byte("rain")}); err != nil {
		fmt.Println(err)
	}
	<-p.done
	// Output:
	// weather/oslo, offset 1: rain
}
