//go:build unix

package weir_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// exhaustionChild, when set, makes TestOutOfDescriptors the server whose
// descriptors run out, in the mode that it names: a process of its own, so that
// the other tests keep theirs.
const exhaustionChild = "WEIR_TEST_EXHAUSTION"

// childReport is what the child says, a line of JSON, when it is asked.
type childReport struct {
	Stats weir.Stats
	CPU   time.Duration // used by the process so far
	Lines int64         // logged
}

func TestOutOfDescriptors(t *testing.T) {
	if name := os.Getenv(exhaustionChild); name != "" {
		serveExhausted(t, name)
		return
	}
	const dials = 200
	eachMode(t, func(t *testing.T, m mode) {
		t.Parallel()
		addr, ask := startChild(t, m)

		early := dial(t, addr)
		pingOn(t, early)
		var conns []net.Conn
		for range dials {
			conns = append(conns, dial(t, addr))
		}
		eventually(t, "every connection is accepted or turned away", func() bool {
			s := ask().Stats
			return s.Accepted+s.RejectedNoFD == dials+1
		})
		before, start := ask(), time.Now()
		if before.Stats.RejectedNoFD == 0 {
			t.Fatalf("no connection was turned away: %+v", before.Stats)
		}
		time.Sleep(time.Second)
		after, wall := ask(), time.Since(start)
		if cpu := after.CPU - before.CPU; cpu > wall/20 {
			t.Errorf("%v of CPU in %v in which nothing happened", cpu, wall)
		}
		if after.Lines > 3 {
			t.Errorf("%d lines were logged", after.Lines)
		}
		pingOn(t, early)

		for _, c := range conns {
			c.Close()
		}
		eventually(t, "new connections are served", func() bool {
			c := dial(t, addr)
			defer c.Close()
			return tryPing(c) == nil
		})
		pingOn(t, early)
	})
}

// startChild starts the server in a process of its own. ask gets a report from
// it.
func startChild(t *testing.T, m mode) (addr string, ask func() childReport) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOutOfDescriptors$")
	cmd.Env = append(os.Environ(), exhaustionChild+"="+m.Poller.String()+"/"+m.Dispatch.String())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	t.Cleanup(func() {
		stdin.Close() // the child ends
		rest, _ := io.ReadAll(stdout)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the child: %v\n%s", err, rest)
		}
	})
	next := func() string {
		if !lines.Scan() {
			t.Fatalf("the child has nothing more to say: %v", lines.Err())
		}
		return lines.Text()
	}
	return next(), func() (r childReport) {
		if _, err := io.WriteString(stdin, "report\n"); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(next()), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// serveExhausted is the child.
func serveExhausted(t *testing.T, name string) {
	limit := syscall.Rlimit{Cur: 64, Max: 64}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, m := range modes() {
		if m.Poller.String()+"/"+m.Dispatch.String() != name {
			continue
		}
		var lines atomic.Int64
		s := &weir.Server{Handler: echo}
		s.Logger = slog.New(slog.NewTextHandler(lineCounter{&lines}, nil))
		out := json.NewEncoder(os.Stdout)
		os.Stdout.WriteString(serve(t, m, s) + "\n")
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			out.Encode(childReport{s.Stats(), processCPU(t), lines.Load()})
		}
		return
	}
	t.Fatalf("unknown mode %s", name)
}

type lineCounter struct{ n *atomic.Int64 }

func (l lineCounter) Write(p []byte) (int, error) {
	l.n.Add(int64(strings.Count(string(p), "\n")))
	return len(p), nil
}

func processCPU(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
