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
		{cli.Usage, "-server apache", []string{"-server", "weir or net"}},
		{cli.Usage, "-tick 0", []string{"-tick", "0"}},
		{cli.Usage, "-tick -1s", []string{"-tick", "negative"}},
		{cli.Failure, "-addr " + ln.Addr().String(), []string{"is in use", "choose another"}},
		{cli.Failure, "-server net -addr " + ln.Addr().String(), []string{"is in use", "choose another"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), strings.Fields(test.args), &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			said := stderr.String()
			if strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "router: ") {
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
	for _, w := range []string{"-server weir|net", "/clock", "(default 127.0.0.1:8082)", "curl -N", "SIGTERM"} {
		if !strings.Contains(stdout.String(), w) {
			t.Errorf("no %q in the help:\n%s", w, &stdout)
		}
	}
}
