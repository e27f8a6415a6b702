package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, run) }

// fixture is a proxy between two ends that the test holds.
type fixture struct {
	*proxy
	t    testing.TB
	addr string
	log  *clitest.Output
	stop func() error // shuts the proxy down

	target net.Listener
}

const kernelBuffer = 128 << 10

// setUp starts a proxy in front of a listener. Both end with the test, which
// fails if a session or a buffer is left behind.
func setUp(t testing.TB, m clitest.Mode) *fixture {
	t.Helper()
	target := listen(t)
	f := &fixture{t: t, log: clitest.NewOutput(), target: target}
	f.proxy = newProxy(slog.New(slog.NewTextHandler(f.log, nil)))
	f.proxy.target = target.Addr().String()
	f.srv.Poller, f.srv.Dispatch, f.srv.Loops = m.Poller, m.Dispatch, 2
	// The kernel's own buffers may grow to many megabytes, and then nothing
	// of what the tests send would ever wait in the proxy.
	f.srv.Socket.ReadBuffer, f.srv.Socket.WriteBuffer = kernelBuffer, kernelBuffer

	ln := listen(t)
	f.addr = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = cli.Serve(ctx, f.srv, ln, clitest.Patience)
	}()
	f.stop = func() error {
		cancel()
		<-ended
		return err
	}
	t.Cleanup(func() {
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		f.idle()
	})
	return f
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// idle waits until nothing is left of any session.
func (f *fixture) idle() {
	f.t.Helper()
	clitest.Eventually(f.t, "no connection and no buffer is left", func() bool {
		s := f.srv.Stats()
		return s.Conns == 0 && s.Buffered == 0 && s.Accepted == s.Closed
	})
}

// session returns the two ends of a session.
func (f *fixture) session() (client, target *net.TCPConn) {
	f.t.Helper()
	client = clitest.Dial(f.t, "tcp", f.addr).(*net.TCPConn)
	f.target.(*net.TCPListener).SetDeadline(time.Now().Add(clitest.Patience))
	c, err := f.target.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(clitest.Patience))
	target = c.(*net.TCPConn)
	for _, c := range []*net.TCPConn{client, target} {
		c.SetReadBuffer(kernelBuffer)
		c.SetWriteBuffer(kernelBuffer)
	}
	return client, target
}

// directions runs a test from the client to the target and the other way.
func directions(t *testing.T, f func(t *testing.T, m clitest.Mode, ends func(*fixture) (from, to *net.TCPConn))) {
	t.Run("to target", func(t *testing.T) {
		clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
			f(t, m, func(f *fixture) (from, to *net.TCPConn) { return f.session() })
		})
	})
	t.Run("to client", func(t *testing.T) {
		clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
			f(t, m, func(f *fixture) (from, to *net.TCPConn) {
				client, target := f.session()
				return target, client
			})
		})
	})
}

// stream is bytes that come at random, the same for the same seed.
func stream(seed byte, size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), size)
}

func digest(t testing.TB, r io.Reader) (sum hash.Hash, n int64) {
	t.Helper()
	sum = sha256.New()
	n, err := io.Copy(sum, r)
	if err != nil {
		t.Errorf("after %d bytes: %v", n, err)
	}
	return sum, n
}

// expect reads to the end of the stream and compares.
func expect(t testing.TB, who string, r io.Reader, seed byte, size int64) {
	t.Helper()
	want, _ := digest(t, stream(seed, size))
	got, n := digest(t, r)
	if n != size || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Errorf("%s got %d bytes of %d, or others", who, n, size)
	}
}

// send sends a stream and ends it.
func send(t testing.TB, c halfCloser, seed byte, size int64) {
	t.Helper()
	if n, err := io.Copy(c, stream(seed, size)); err != nil {
		t.Errorf("after %d bytes: %v", n, err)
	}
	c.CloseWrite()
}

// Both directions at once, and the end of each is the end of that one only. When
// both have ended, so has the session.
func TestForward(t *testing.T) {
	clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
		const size = 20 << 20
		f := setUp(t, m)
		client, target := f.session()
		done := make(chan struct{}, 3)
		for _, part := range []func(){
			func() { send(t, client, 1, size) },
			func() { send(t, target, 2, size) },
			func() { expect(t, "target", target, 1, size) },
		} {
			go func() { part(); done <- struct{}{} }()
		}
		expect(t, "client", client, 2, size)
		for range 3 {
			<-done
		}
		f.idle()
	})
}

// A target that writes back what it reads, and does not read while it cannot
// write, gets through as long as the client reads: a backlog in one direction
// does not stop the other.
func TestThroughEcho(t *testing.T) {
	clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
		const size = 20 << 20
		f := setUp(t, m)
		client, target := f.session()
		go func() {
			io.Copy(struct{ io.Writer }{target}, struct{ io.Reader }{target}) // no splice(2)
			target.CloseWrite()
		}()
		sent := make(chan struct{})
		go func() { send(t, client, 3, size); close(sent) }()
		expect(t, "client", client, 3, size)
		<-sent
		f.idle()
	})
}

// One side ends its stream; the reply is still carried, and ends the session.
func TestHalfClose(t *testing.T) {
	directions(t, func(t *testing.T, m clitest.Mode, ends func(*fixture) (from, to *net.TCPConn)) {
		f := setUp(t, m)
		from, to := ends(f)
		io.WriteString(from, "question")
		from.CloseWrite()
		if got := clitest.ReadAll(t, to); string(got) != "question" {
			t.Fatalf("got %q", got)
		}
		io.WriteString(to, "answer")
		to.CloseWrite()
		if got := clitest.ReadAll(t, from); string(got) != "answer" {
			t.Fatalf("got %q", got)
		}
		f.idle()
	})
}

// A client that connects and ends its stream at once, before there is a target.
func TestHalfCloseAtOnce(t *testing.T) {
	clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
		f := setUp(t, m)
		for range 20 {
			client := clitest.Dial(t, "tcp", f.addr)
			client.CloseWrite()
			target, err := f.target.Accept()
			if err != nil {
				t.Fatal(err)
			}
			target.SetDeadline(time.Now().Add(clitest.Patience))
			if got := clitest.ReadAll(t, target); len(got) > 0 {
				t.Fatalf("target got %q", got)
			}
			io.WriteString(target, "bye")
			target.Close()
			if got := clitest.ReadAll(t, client); string(got) != "bye" {
				t.Fatalf("client got %q", got)
			}
		}
		f.idle()
	})
}

// A side that does not read stops the other one, with a bounded number of bytes
// in the proxy; when it reads again, everything arrives.
func TestSlowReader(t *testing.T) {
	directions(t, func(t *testing.T, m clitest.Mode, ends func(*fixture) (from, to *net.TCPConn)) {
		const size = 16 << 20
		f := setUp(t, m)
		from, to := ends(f)

		var pushed atomic.Int64
		var most int64
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			send(t, counting(from, &pushed), 4, size)
		}()
		// Blocked: the proxy has met the high watermark, and for a while
		// nothing has moved.
		still := 0
		for last := int64(-1); still < 20; time.Sleep(10 * time.Millisecond) {
			most = max(most, f.srv.Stats().Buffered)
			if n := pushed.Load(); n != last || f.srv.Stats().HighWatermarks == 0 {
				last, still = n, 0
				continue
			}
			still++
		}
		if n := pushed.Load(); n > size/2 {
			t.Errorf("%d of %d bytes were taken for a reader that does not read", n, size)
		}
		bound := int64(f.srv.HighWatermark + 4*64<<10)
		expect(t, "the slow reader", watching(to, func() { most = max(most, f.srv.Stats().Buffered) }), 4, size)
		<-sent
		if most > bound {
			t.Errorf("the proxy had %d bytes in buffers, more than %d", most, bound)
		}
		to.Close()
		from.Close()
		f.idle()
	})
}

// counting and watching wrap a connection.
func counting(c *net.TCPConn, n *atomic.Int64) halfCloser { return countingConn{c, n} }

type halfCloser interface {
	io.Writer
	CloseWrite() error
}

type countingConn struct {
	*net.TCPConn
	n *atomic.Int64
}

func (c countingConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// ReadFrom hides that of the connection, which would not call Write.
func (c countingConn) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{c}, r)
}

func watching(r io.Reader, look func()) io.Reader {
	return readerFunc(func(p []byte) (int, error) { look(); return r.Read(p) })
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A session whose target does not answer ends for the client, and is logged.
func TestTargetRefuses(t *testing.T) {
	clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
		f := setUp(t, m)
		f.target.Close()
		for range 10 {
			c, err := net.DialTimeout("tcp", f.addr, clitest.Patience)
			if err != nil { // turned away before Dial could look
				continue
			}
			c.SetDeadline(time.Now().Add(clitest.Patience))
			ended(t, c)
			c.Close()
		}
		f.log.Await(t, regexp.MustCompile(`client turned away.*target=`+regexp.QuoteMeta(f.proxy.target)+`.*refused`), nil)
		f.idle()
	})
}

// ended checks that a connection has been ended by the other side.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v, want the end of the connection", n, err)
	}
}

// A side that resets its connection takes the other one down, but not what it
// has sent before.
func TestReset(t *testing.T) {
	directions(t, func(t *testing.T, m clitest.Mode, ends func(*fixture) (from, to *net.TCPConn)) {
		const size = 200 << 10
		f := setUp(t, m)
		from, to := ends(f)
		if _, err := io.Copy(from, stream(5, size)); err != nil {
			t.Fatal(err)
		}
		clitest.Eventually(t, "the proxy has received everything", func() bool { return f.srv.Stats().BytesIn == size })
		from.SetLinger(0)
		from.Close()
		expect(t, "the other side", to, 5, size)
		to.Close()
		f.idle()
	})
}

// A side that resets its connection while the other does not read.
func TestResetUnderBackpressure(t *testing.T) {
	directions(t, func(t *testing.T, m clitest.Mode, ends func(*fixture) (from, to *net.TCPConn)) {
		f := setUp(t, m)
		from, to := ends(f)
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			io.Copy(from, stream(6, 64<<20))
		}()
		clitest.Eventually(t, "the proxy is full", func() bool { return f.srv.Stats().HighWatermarks > 0 })
		from.SetLinger(0)
		from.Close()
		<-wrote
		want := stream(6, 64<<20)
		got, err := io.ReadAll(to)
		if err != nil {
			t.Logf("ended with %v", err)
		}
		same := make([]byte, len(got))
		io.ReadFull(want, same)
		if len(got) == 0 || !bytes.Equal(got, same) {
			t.Errorf("got %d bytes that are not the beginning", len(got))
		}
		to.Close()
		f.idle()
	})
}

// Many sessions that come and go in every way leave nothing behind.
func TestChurn(t *testing.T) {
	clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
		f := setUp(t, m)
		go func() {
			for i := 1; ; i++ {
				c, err := f.target.Accept()
				if err != nil {
					return
				}
				end := (*net.TCPConn).Close
				if i%3 == 1 {
					end = func(c *net.TCPConn) error { c.SetLinger(0); return c.Close() }
				}
				go func() {
					c.SetDeadline(time.Now().Add(clitest.Patience))
					if i%2 == 0 {
						io.CopyN(c, stream(7, 1<<20), int64(i)<<10)
						c.Read(make([]byte, 1<<10))
					}
					end(c.(*net.TCPConn))
				}()
			}
		}()
		done := make(chan struct{})
		const workers, each = 8, 25
		for w := range workers {
			go func() {
				defer func() { done <- struct{}{} }()
				for i := range each {
					c, err := net.DialTimeout("tcp", f.addr, clitest.Patience)
					if err != nil {
						continue // the target was quick to reset
					}
					c.SetDeadline(time.Now().Add(clitest.Patience))
					c.Write(make([]byte, (i%5)<<12))
					switch (i + w) % 4 {
					case 0:
						c.(*net.TCPConn).SetLinger(0)
					case 1:
						c.(*net.TCPConn).CloseWrite()
						io.Copy(io.Discard, c)
					case 2:
						c.Read(make([]byte, 1<<10))
					}
					c.Close()
				}
			}()
		}
		for range workers {
			<-done
		}
		f.idle()
	})
}

// A signal lets a session come to its end.
func TestShutdownWaits(t *testing.T) {
	clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
		f := setUp(t, m)
		client, target := f.session()
		stopped := make(chan error, 1)
		go func() { stopped <- f.stop() }()
		clitest.Eventually(t, "the shutdown has begun", func() bool {
			return errors.Is(f.srv.Go(func() {}), weir.ErrServerClosed)
		})
		go send(t, client, 8, 1<<20)
		expect(t, "target", target, 8, 1<<20)
		go send(t, target, 9, 1<<20)
		expect(t, "client", client, 9, 1<<20)
		select {
		case err := <-stopped:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(clitest.Patience):
			t.Fatal("Shutdown does not return")
		}
	})
}

// A session that does not end is closed when its time is over.
func TestShutdownEnds(t *testing.T) {
	clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
		f := setUp(t, m)
		f.grace = 10 * time.Millisecond
		client, target := f.session()
		if err := f.stop(); err != nil {
			t.Error(err)
		}
		ended(t, client)
		ended(t, target)
	})
}
