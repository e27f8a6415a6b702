//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestSignal(t *testing.T) {
	target := listen(t)
	p := clitest.Exec(t, "-addr", "127.0.0.1:0", "-target", target.Addr().String(), "-grace", "10ms")
	client := p.Dial()
	io.WriteString(client, "x")
	c, err := target.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr)
	}
	ended(t, client)
}

func TestMisuse(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", "-target"},
		{"-target nowhere", "-target"},
		{"-target a:1 -grace -1s", "-grace"},
		{"-target a:1 -dispatch x", "pool or inline"},
	} {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), strings.Fields(test.args), &stdout, &stderr); code != cli.Usage {
				t.Errorf("exit code %d", code)
			}
			if said := stderr.String(); !strings.Contains(said, test.want) || strings.Count(said, "\n") != 1 {
				t.Errorf("said %q", said)
			}
		})
	}
}
