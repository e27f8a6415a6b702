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
	clitest.Mistakes(t, "http", run, []clitest.Mistake{
		{Code: cli.Usage, Args: "-api nethttp -dispatch inline", Want: []string{"-api nethttp needs -dispatch pool"}},
		{Code: cli.Usage, Args: "-api rpc", Want: []string{"-api", "fast or nethttp"}},
		{Code: cli.Usage, Args: "-dispatch maybe", Want: []string{"-dispatch", "pool or inline"}},
		{Code: cli.Usage, Args: "-poller kqueue", Want: []string{"-poller", "auto, epoll or select"}},
		{Code: cli.Usage, Args: "-max-body -1", Want: []string{"-max-body", "negative"}},
		{Code: cli.Usage, Args: "-max-requests x", Want: []string{"-max-requests", "x"}},
		{Code: cli.Usage, Args: "-idle -1s", Want: []string{"-idle", "negative"}},
		{Code: cli.Usage, Args: "-head-timeout 10", Want: []string{"-head-timeout"}},
		{Code: cli.Usage, Args: "-addr 127.0.0.1:0 -loops 257", Want: []string{"Loops", "256"}},
		{Code: cli.Usage, Args: ":8080", Want: []string{":8080"}},
		{Code: cli.Failure, Args: "-addr " + ln.Addr().String(), Want: []string{"is in use", "choose another"}},
		{Code: cli.Failure, Args: "-addr 127.0.0.1:0 -pprof " + ln.Addr().String(), Want: []string{"profiles"}},
	})
}

func TestHelp(t *testing.T) {
	clitest.Help(t, run,
		"/plaintext", "-api fast|nethttp", "-dispatch pool|inline", "(default 127.0.0.1:8080)", "curl -i", "wrk -t", "SIGTERM")
}
