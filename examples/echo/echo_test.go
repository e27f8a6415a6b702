package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, run) }

// conversation is what a client sends, and what it gets back.
type conversation struct{ send, want []byte }

var sizes = []int{1, 64, 0, 4096, 100_000, 3, 1<<20 - 4}

// payload returns n bytes without line ends.
func payload(n int) []byte {
	b := make([]byte, n)
	for i, word := 0, uint64(0); i < n; i, word = i+1, word>>8 {
		if word == 0 {
			word = rand.Uint64() | 0x2020202020202020
		}
		b[i] = byte(word)
	}
	return b
}

// conversations has one for each codec, the same way in as out but for the lines:
// they may come with CRLF, and go with LF.
func conversations() map[string]conversation {
	var raw, lengths, lines, lf []byte
	for i, n := range sizes {
		p := payload(n)
		raw = append(raw, p...)
		lengths = append(binary.BigEndian.AppendUint32(lengths, uint32(n)), p...)
		lf = append(append(lf, p...), '\n')
		if lines = append(lines, p...); i%2 == 0 {
			lines = append(lines, '\r')
		}
		lines = append(lines, '\n')
	}
	return map[string]conversation{
		"raw":    {raw, raw},
		"line":   {lines, lf},
		"length": {lengths, lengths},
	}
}

// converse sends in pieces that are nobody's frames, and reads until the server
// has answered the end of the stream.
func converse(t *testing.T, c clitest.Conn, v conversation) {
	t.Helper()
	go func() {
		for rest := v.send; len(rest) > 0; {
			n := min(len(rest), 1+rand.N(200_000))
			if _, err := c.Write(rest[:n]); err != nil {
				t.Error(err)
				return
			}
			rest = rest[n:]
		}
		c.CloseWrite()
	}()
	if got := clitest.ReadAll(t, c); !bytes.Equal(got, v.want) {
		t.Fatalf("the echo of %d bytes has %d and differs", len(v.want), len(got))
	}
}

func TestEcho(t *testing.T) {
	for codec, v := range conversations() {
		t.Run(codec, func(t *testing.T) {
			clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
				args := append(m.Args(), "-addr", "127.0.0.1:0", "-codec", codec)
				p := clitest.Start(t, run, args...)
				converse(t, p.Dial(), v)
				converse(t, p.Dial(), v)
				if code := p.Stop(); code != 0 {
					t.Errorf("exit code %d: %s", code, p.Stderr)
				}
			})
		})
	}
}

func TestUnix(t *testing.T) {
	for codec, v := range conversations() {
		t.Run(codec, func(t *testing.T) {
			clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
				path := filepath.Join(t.TempDir(), "s")
				p := clitest.Start(t, run, append(m.Args(), "-net", "unix", "-addr", path, "-codec", codec)...)
				converse(t, p.Dial(), v)
				if code := p.Stop(); code != 0 {
					t.Errorf("exit code %d: %s", code, p.Stderr)
				}
				if _, err := os.Stat(path); !os.IsNotExist(err) {
					t.Errorf("the socket is left behind: %v", err)
				}
			})
		})
	}
}

func TestUnixDefaultPath(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	p := clitest.Start(t, run, "-net", "unix")
	if want := filepath.Join(dir, "weir-echo.sock"); p.Addr != want {
		t.Errorf("listening on %s, want %s", p.Addr, want)
	}
	converse(t, p.Dial(), conversations()["raw"])
}

// A peer that sends what the codec refuses is told by the end of the connection,
// and the operator by a line in the log.
func TestFrameTooLarge(t *testing.T) {
	for _, test := range []struct{ codec, send string }{
		{"line", strings.Repeat("x", 100)},
		{"length", "hello"}, // 0x68656c6c bytes follow
	} {
		t.Run(test.codec, func(t *testing.T) {
			p := clitest.Start(t, run, "-addr", "127.0.0.1:0", "-codec", test.codec, "-max-frame", "10")
			c := p.Dial()
			io.WriteString(c, test.send)
			if got := clitest.ReadAll(t, c); len(got) > 0 {
				t.Errorf("got %q", got)
			}
			c.Close()
			p.Stderr.Await(t, regexp.MustCompile(`not what the codec expects.*remote=127\.0\.0\.1:.*frame too large`), nil)
		})
	}
}

func TestStats(t *testing.T) {
	p := clitest.Start(t, run, "-addr", "127.0.0.1:0", "-stats", "1ms")
	c := p.Dial()
	io.WriteString(c, "hello")
	io.ReadFull(c, make([]byte, 5))
	p.Stdout.Await(t, regexp.MustCompile(`^conns 1 \(\+\d+ -0\), in .*B/s, \d+ frames/s, out .*B/s`), nil)
}

func TestIdle(t *testing.T) {
	p := clitest.Start(t, run, "-addr", "127.0.0.1:0", "-idle", "10ms")
	if n, err := p.Dial().Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v, want the end of the connection", n, err)
	}
}

func TestMaxConns(t *testing.T) {
	p := clitest.Start(t, run, "-addr", "127.0.0.1:0", "-max-conns", "1")
	first := p.Dial()
	io.WriteString(first, "a")
	io.ReadFull(first, make([]byte, 1))
	if n, err := p.Dial().Read(make([]byte, 1)); err == nil {
		t.Errorf("a second connection got %d bytes", n)
	}
	io.WriteString(first, "b")
	if _, err := io.ReadFull(first, make([]byte, 1)); err != nil {
		t.Errorf("the first connection: %v", err)
	}
}

func TestProfiles(t *testing.T) {
	p := clitest.Start(t, run, "-addr", "127.0.0.1:0", "-pprof", "127.0.0.1:0")
	addr := p.Stdout.Await(t, regexp.MustCompile(`profiles on http://(\S+)/debug/pprof/`), nil)[1]
	c := clitest.Dial(t, "tcp", addr)
	io.WriteString(c, "GET /debug/pprof/cmdline HTTP/1.0\r\n\r\n")
	if got := clitest.ReadAll(t, c); !bytes.Contains(got, []byte("200 OK")) {
		t.Errorf("got %q", got)
	}
}
