//go:build unix

package main

import (
	"bufio"
	"io"
	"net/http"
	"regexp"
	"syscall"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// A signal ends the program when the request that is being answered has its whole
// response, and idle connections at once.
func TestSignalIsGraceful(t *testing.T) {
	eachMode(t, func(t *testing.T, args []string) {
		p := clitest.Exec(t, append(args, "-addr", "127.0.0.1:0", "-max-body", "10000000")...)
		idle, busy := p.Dial(), p.Dial()
		const size = 8 << 20 // more than the kernel's buffers hold
		io.WriteString(busy, "POST / HTTP/1.1\r\nHost: weir\r\nContent-Length: 8388608\r\n\r\n")
		go func() {
			piece := make([]byte, 64<<10)
			for range size / len(piece) {
				if _, err := busy.Write(piece); err != nil {
					return // the test tells
				}
			}
		}()
		in := bufio.NewReader(busy)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.Signal(syscall.SIGTERM)
		if got := clitest.ReadAll(t, idle); len(got) > 0 {
			t.Errorf("the idle connection got %q", got)
		}
		if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
			t.Errorf("got %d bytes of %d, %v", n, size, err)
		}
		busy.Close()
		idle.Close()
		if code := p.Wait(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr)
		}
		p.Stdout.Await(t, regexp.MustCompile(`^http: served 2 conns, in 8.39 MB, .* out 8.39 MB`), nil)
	})
}
