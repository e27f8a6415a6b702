package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/cli"
)

// fail runs the program with arguments that it cannot run with, and returns what
// it says.
func fail(t *testing.T, code int, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(context.Background(), args, &stdout, &stderr); got != code {
		t.Errorf("exit code %d, want %d", got, code)
	}
	said := stderr.String()
	if strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "echo: ") || strings.Contains(said, "%!") {
		t.Errorf("said %q, want one line", said)
	}
	return said
}

func TestMisuse(t *testing.T) {
	for _, test := range []struct {
		args string
		want []string
	}{
		{"-codec xml", []string{"xml", "-codec", "raw, line or length"}},
		{"-poller kqueue", []string{"-poller", "auto, epoll or select"}},
		{"-dispatch maybe", []string{"-dispatch", "pool or inline"}},
		{"-net udp", []string{"-net", "tcp or unix"}},
		{"-loops many", []string{"-loops", "many"}},
		{"-loops -1", []string{"-loops", "negative"}},
		{"-workers -1", []string{"-workers", "negative"}},
		{"-max-conns -1", []string{"-max-conns", "negative"}},
		{"-max-frame -1", []string{"-max-frame", "negative"}},
		{"-idle -1s", []string{"-idle", "negative"}},
		{"-idle 5", []string{"-idle", "5"}},
		{"-stats x", []string{"-stats"}},
		{"-nonsense", []string{"-nonsense"}},
		{"127.0.0.1:9000", []string{"127.0.0.1:9000"}},
		{"-addr 127.0.0.1:0 -loops 257", []string{"Loops", "256"}},
		{"-addr 127.0.0.1:0 -codec length -max-frame 3", []string{"Codec", "Max"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			said := fail(t, cli.Usage, strings.Fields(test.args)...)
			for _, w := range append(test.want, "-h") {
				if !strings.Contains(said, w) {
					t.Errorf("said %q, without %q", said, w)
				}
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"-h"}, &stdout, &stderr); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", &stderr)
	}
	for _, w := range []string{"-addr", "-codec raw|line|length", "(default 127.0.0.1:9000)", "nc -N", "socat", "SIGTERM"} {
		if !strings.Contains(stdout.String(), w) {
			t.Errorf("no %q in the help:\n%s", w, &stdout)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := ln.Addr().String()
	if said := fail(t, cli.Failure, "-addr", addr); !strings.Contains(said, addr+" is in use") || !strings.Contains(said, "choose another") {
		t.Errorf("said %q", said)
	}
}

func TestUnixPathInUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if said := fail(t, cli.Failure, "-net", "unix", "-addr", path); !strings.Contains(said, "stop the server") {
		t.Errorf("with a server: said %q", said)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	ln.Close()
	if said := fail(t, cli.Failure, "-net", "unix", "-addr", path); !strings.Contains(said, "remove the file") {
		t.Errorf("without a server: said %q", said)
	}
}

func TestTooFewDescriptors(t *testing.T) {
	if said := fail(t, cli.Failure, "-max-conns", "2000000000"); !strings.Contains(said, "ulimit -n") || !strings.Contains(said, "lower -max-conns to") {
		t.Errorf("said %q", said)
	}
	if said := fail(t, cli.Failure, "-max-conns", "1024", "-poller", "select"); !strings.Contains(said, "-poller") && !strings.Contains(said, "ulimit") {
		t.Errorf("said %q", said)
	}
}

func TestProfilesAddressInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if said := fail(t, cli.Failure, "-addr", "127.0.0.1:0", "-pprof", ln.Addr().String()); !strings.Contains(said, "profiles") {
		t.Errorf("said %q", said)
	}
}
