//go:build unix

package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// A signal ends the program: clients are told, and come back when it is there again.
func TestSignalIsGraceful(t *testing.T) {
	p := clitest.Exec(t, "-addr", "127.0.0.1:0", "-tcp", "127.0.0.1:0", "-grace", "5s")
	idle := p.Dial()
	sub := begin(t, runSub, "-server", tcp(t, p), "chat/#")
	pub(t, "hello\n", "-server", tcp(t, p), "chat/room")
	p.Signal(syscall.SIGTERM)
	clitest.ReadAll(t, idle)
	idle.Close()
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr)
	}
	if strings.Contains(p.Stderr.String(), "level=ERROR") {
		t.Errorf("it says %s", p.Stderr)
	}
	select {
	case code := <-sub.code:
		t.Errorf("the client has given up: exit code %d, %s", code, sub.stderr)
	default:
	}
}

// A server that is killed loses nothing that it has acknowledged, and a client that was
// away meanwhile gets it, once.
func TestKilled(t *testing.T) {
	data := filepath.Join(t.TempDir(), "log")
	addr, raw := freeAddr(t), freeAddr(t)
	serve := func() *clitest.Program {
		return clitest.Exec(t, "-addr", addr, "-tcp", raw, "-data", data)
	}
	p := serve()
	sub := begin(t, runSub, "-server", "tcp://"+raw, "-session", "reader", "-all", "chat/#")
	const rounds, each = 3, 50
	for round := range rounds {
		var lines strings.Builder
		for i := range each {
			fmt.Fprintf(&lines, "%d\n", round*each+i)
		}
		pub(t, lines.String(), "-server", "tcp://"+raw, "chat/room") // returns when all is acknowledged
		p.Signal(syscall.SIGKILL)
		p.Wait()
		p = serve()
	}
	sub.await(t, fmt.Sprintf("^chat/room\t%d$", rounds*each-1))
	got := strings.Split(strings.TrimSuffix(sub.stdout.String(), "\n"), "\n")
	for i, line := range got {
		if want := fmt.Sprintf("chat/room\t%d", i); line != want {
			t.Fatalf("line %d is %q, want %q", i, line, want)
		}
	}
	// Another process that was never there gets the same.
	all := begin(t, runSub, "-server", "ws://"+addr+"/ws", "-all", "-count", fmt.Sprint(rounds*each), "chat/room")
	if code := <-all.code; code != 0 || all.stdout.String() != strings.Join(got, "\n")+"\n" {
		t.Errorf("exit code %d, %s", code, all.stdout)
	}
	// The directory belongs to one process at a time.
	second := begin(t, run, "-addr", "127.0.0.1:0", "-tcp", "", "-data", data)
	if code := <-second.code; code == 0 || !strings.Contains(second.stderr.String(), "is in use") {
		t.Errorf("exit code %d, %s", code, second.stderr)
	}
}

// freeAddr returns an address on which nobody listens, for a server that is to come back
// there.
func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
