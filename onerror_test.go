package weir_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// errorHooks are hooks with OnError.
type errorHooks struct {
	hooks
	refused func(c *weir.Conn, err error)
}

func (h errorHooks) OnError(c *weir.Conn, err error) { h.refused(c, err) }

// noEnd is a codec of lines that refuses a stream which ends within a line.
type noEnd struct{ faulty }

func (noEnd) Finish([]byte) ([]byte, int, error) { return nil, 0, errFaulty }

// The peer of a stream that is refused gets what OnError writes, after the answers
// to the frames before, and then the end; OnClose gets the reason, whatever else
// OnError does.
func TestOnError(t *testing.T) {
	for _, test := range []struct {
		name, sent string
		codec      codec.Codec
		maxFrame   int
		fin        bool
		want       func(error) bool
	}{
		{name: "codec", sent: "one\ntwo\nerror and more\nthree\n", codec: faulty{}, want: is(errFaulty)},
		{name: "codec consumes too much", sent: "one\ntwo\nbeyond", codec: faulty{}, want: is(codec.ErrMalformed)},
		{name: "MaxFrame", sent: "one\ntwo\n" + "much more than 16 bytes", codec: codec.Line{}, maxFrame: 16, want: is(codec.ErrTooLarge)},
		{name: "Finish", sent: "one\ntwo\nthr", codec: noEnd{}, fin: true, want: is(errFaulty)},
	} {
		for name, then := range map[string]func(c *weir.Conn){
			"nothing else": func(*weir.Conn) {},
			"Close":        func(c *weir.Conn) { c.Close() },
			"CloseWrite":   func(c *weir.Conn) { c.CloseWrite() },
			"Switch":       func(c *weir.Conn) { c.SetProtocol(nil, echo); c.SetProtocol(nil, hooks{}) },
			"panic":        func(*weir.Conn) { panic("the test's") },
		} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				eachMode(t, func(t *testing.T, m mode) {
					closed, refused := make(chan error, 2), make(chan error, 2)
					h := errorHooks{
						hooks: hooks{
							frame: func(c *weir.Conn, frame []byte) { fmt.Fprintf(c, "<%s>", frame) },
							close: func(_ *weir.Conn, err error) { closed <- err },
						},
						refused: func(c *weir.Conn, err error) {
							refused <- err
							if _, err := c.Write([]byte("sorry")); err != nil {
								t.Errorf("Write: %v", err)
							}
							then(c)
						},
					}
					s := &weir.Server{Codec: test.codec, Handler: h, Config: weir.Config{Logger: quiet(), MaxFrame: test.maxFrame}}
					nc := dial(t, serve(t, m, s))
					io.WriteString(nc, test.sent)
					if test.fin {
						nc.CloseWrite()
					}
					if got, err := io.ReadAll(nc); string(got) != "<one><two>sorry" || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
					nc.Close()
					if err := receive(t, refused, "OnError"); !test.want(err) {
						t.Errorf("OnError got %v", err)
					}
					if name == "Switch" {
						eventually(t, "it is closed", func() bool { return s.Stats().Conns == 0 })
						return // OnClose is the other handler's
					}
					if err := receive(t, closed, "OnClose"); !test.want(err) {
						t.Errorf("OnClose got %v", err)
					}
					if len(refused)+len(closed) != 0 {
						t.Error("OnError or OnClose came twice")
					}
					if n := s.Stats().Panics; n != 0 && name != "panic" || n != 1 && name == "panic" {
						t.Errorf("%d panics are counted", n)
					}
				})
			})
		}
	}
}

// OnError may read on, what the codec has refused included, as a server does that
// lets a peer finish.
func TestOnErrorReads(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		read := make(chan string, 1)
		nc := dial(t, serve(t, m, &weir.Server{Codec: faulty{}, Handler: errorHooks{
			refused: func(c *weir.Conn, _ error) {
				c.Write([]byte("sorry"))
				got, err := io.ReadAll(c.Stream())
				if err != nil {
					t.Error(err)
				}
				read <- string(got)
			},
		}}))
		io.WriteString(nc, "one\nerror")
		answer := make([]byte, 5)
		if _, err := io.ReadFull(nc, answer); err != nil || string(answer) != "sorry" {
			t.Errorf("got %q, %v", answer, err)
		}
		io.WriteString(nc, " and more")
		nc.CloseWrite()
		if got := receive(t, read, "the rest"); got != "error and more" {
			t.Errorf("read %q", got)
		}
		ends(t, nc)
	})
}

// A panic of the handler's, the peer's end within a frame, and a timeout are none of
// OnError's business.
func TestOnErrorIsNotForAll(t *testing.T) {
	for name, sent := range map[string]string{"panic": "panic!\n", "FIN within a frame": "half"} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				closed := make(chan error, 1)
				nc := dial(t, serve(t, m, &weir.Server{Codec: codec.Line{}, Config: weir.Config{Logger: quiet()}, Handler: errorHooks{
					hooks: hooks{
						frame: func(*weir.Conn, []byte) { panic("the test's") },
						close: func(_ *weir.Conn, err error) { closed <- err },
					},
					refused: func(_ *weir.Conn, err error) { t.Errorf("OnError got %v", err) },
				}}))
				io.WriteString(nc, sent)
				nc.CloseWrite()
				if err := receive(t, closed, "OnClose"); !errors.Is(err, io.ErrUnexpectedEOF) && !isPanic("the test's")(err) {
					t.Errorf("OnClose got %v", err)
				}
			})
		})
	}
}
