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
	clitest.Mistakes(t, "websocket", run, []clitest.Mistake{
		{Code: cli.Usage, Args: "-compress yes", Want: []string{"-compress", "off, no-takeover or takeover"}},
		{Code: cli.Usage, Args: "-dispatch maybe", Want: []string{"-dispatch", "pool or inline"}},
		{Code: cli.Usage, Args: "-max-message -1", Want: []string{"-max-message", "negative"}},
		{Code: cli.Usage, Args: "-ping -1s", Want: []string{"-ping", "negative"}},
		{Code: cli.Usage, Args: "ws://127.0.0.1:8081/", Want: []string{"unexpected argument"}},
		{Code: cli.Failure, Args: "-addr " + ln.Addr().String(), Want: []string{"is in use", "choose another"}},
	})
}

func TestHelp(t *testing.T) {
	clitest.Help(t, run,
		"-compress off|no-takeover|takeover", "-dispatch pool|inline", "(default 127.0.0.1:8081)", "wscat", "SIGTERM")
}
