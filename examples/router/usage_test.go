package main

import (
	"net"
	"testing"

	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestMisuse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	clitest.Mistakes(t, "router", run, []clitest.Mistake{
		{Code: cli.Usage, Args: "-server apache", Want: []string{"-server", "weir or net"}},
		{Code: cli.Usage, Args: "-tick 0", Want: []string{"-tick", "0"}},
		{Code: cli.Usage, Args: "-tick -1s", Want: []string{"-tick", "negative"}},
		{Code: cli.Failure, Args: "-addr " + ln.Addr().String(), Want: []string{"is in use", "choose another"}},
		{Code: cli.Failure, Args: "-server net -addr " + ln.Addr().String(), Want: []string{"is in use", "choose another"}},
	})
}

func TestHelp(t *testing.T) {
	clitest.Help(t, run,
		"-server weir|net", "/clock", "(default 127.0.0.1:8082)", "curl -N", "SIGTERM")
}
