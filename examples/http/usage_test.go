package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/cli"
)

func TestMisuse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, test := range []struct {
		code int
		args string
		want []string
	}{
		{cli.Usage, "-api nethttp -dispatch inline", []string{"-api nethttp needs -dispatch pool"}},
		{cli.Usage, "-api rpc", []string{"-api", "fast or nethttp"}},
		{cli.Usage, "-dispatch maybe", []string{"-dispatch", "pool or inline"}},
		{cli.Usage, "-poller kqueue", []string{"-poller", "auto, epoll or select"}},
		{cli.Usage, "-max-body -1", []string{"-max-body", "negative"}},
		{cli.Usage, "-max-requests x", []string{"-max-requests", "x"}},
		{cli.Usage, "-idle -1s", []string{"-idle", "negative"}},
		{cli.Usage, "-head-timeout 10", []string{"-head-timeout"}},
		{cli.Usage, "-addr 127.0.0.1:0 -loops 257", []string{"Loops", "256"}},
		{cli.Usage, ":8080", []string{":8080"}},
		{cli.Failure, "-addr " + ln.Addr().String(), []string{"is in use", "choose another"}},
		{cli.Failure, "-addr 127.0.0.1:0 -pprof " + ln.Addr().String(), []string{"profiles"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), strings.Fields(test.args), &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			said := stderr.String()
			if strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "http: ") {
				t.Errorf("said %q, want one line", said)
			}
			for _, w := range test.want {
				if !strings.Contains(said, w) {
					t.Errorf("said %q, without %q", said, w)
				}
			}
		})
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"-h"}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr: %s", code, &stderr)
	}
	for _, w := range []string{"/plaintext", "-api fast|nethttp", "-dispatch pool|inline", "(default 127.0.0.1:8080)", "curl -i", "wrk -t", "SIGTERM"} {
		if !strings.Contains(stdout.String(), w) {
			t.Errorf("no %q in the help:\n%s", w, &stdout)
		}
	}
}
