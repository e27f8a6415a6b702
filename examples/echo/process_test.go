//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// A signal ends the program when those who were connected have their echo.
func TestSignalIsGraceful(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
				const size = 8 << 20 // more than the kernel's buffers hold
				p := clitest.Exec(t, append(m.Args(), "-addr", "127.0.0.1:0", "-codec", "length", "-max-frame", "10000000")...)
				c, idle := p.Dial(), p.Dial()
				c.(*net.TCPConn).SetReadBuffer(64 << 10)
				frame := append(binary.BigEndian.AppendUint32(nil, size), payload(size)...)
				if _, err := c.Write(frame); err != nil {
					t.Fatal(err)
				}
				// The echo begins when the server has the whole frame.
				got := make([]byte, 1, len(frame))
				if _, err := io.ReadFull(c, got); err != nil {
					t.Fatal(err)
				}
				p.Signal(sig)
				if b := clitest.ReadAll(t, idle); len(b) > 0 {
					t.Errorf("the idle connection got %q", b)
				}
				if got = append(got, clitest.ReadAll(t, c)...); !bytes.Equal(got, frame) {
					t.Errorf("got %d bytes of %d, or others", len(got), len(frame))
				}
				c.Close()
				idle.Close()
				if code := p.Wait(); code != 0 {
					t.Errorf("exit code %d: %s", code, p.Stderr)
				}
			})
		})
	}
}

func TestSignalRemovesSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	p := clitest.Exec(t, "-net", "unix", "-addr", path)
	converse(t, p.Dial(), conversations()["raw"])
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// A second signal does not wait for those who do not read.
func TestSecondSignalIsImmediate(t *testing.T) {
	p := clitest.Exec(t, "-addr", "127.0.0.1:0", "-codec", "length", "-max-frame", "20000000")
	c := p.Dial()
	c.(*net.TCPConn).SetReadBuffer(64 << 10)
	const size = 16 << 20
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, size), make([]byte, size)...)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGTERM)
	clitest.Eventually(t, "nobody listens", func() bool {
		c, err := net.Dial(p.Network, p.Addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if !p.Running() {
		t.Fatal("the first signal has not waited for the echo")
	}
	clitest.Eventually(t, "the process has ended", func() bool {
		p.Signal(syscall.SIGTERM)
		return !p.Running()
	})
	if code := p.Wait(); code != -1 {
		t.Errorf("exit code %d, want the signal", code)
	}
}
