// Package clitest runs the example programs in tests: in the process of the test,
// or as a process of their own.
package clitest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/internal/testutil"
)

// Patience bounds every wait. It is never meant to be used up.
const Patience = 30 * time.Second

// asProgram, in the environment, makes a test binary the program that it tests.
const asProgram = "WEIR_TEST_AS_PROGRAM"

// Main is TestMain: it runs the tests, or the program for Exec.
func Main(m *testing.M, run cli.Run) {
	if os.Getenv(asProgram) != "" {
		cli.Main(run)
	}
	os.Exit(testutil.Main(m))
}

// Mode is one combination of how a server can run.
type Mode struct {
	Poller   weir.PollerKind
	Dispatch weir.Dispatch
}

// Args are the flags for the mode.
func (m Mode) Args() []string {
	return []string{"-poller", m.Poller.String(), "-dispatch", m.Dispatch.String(), "-loops", "2"}
}

// EachMode runs a test in every combination that this system has.
func EachMode(t *testing.T, f func(t *testing.T, m Mode)) {
	pollers := []weir.PollerKind{weir.PollerSelect}
	if runtime.GOOS == "linux" {
		pollers = append(pollers, weir.PollerEpoll)
	}
	for _, p := range pollers {
		for _, d := range []weir.Dispatch{weir.Pool, weir.Inline} {
			t.Run(p.String()+"/"+d.String(), func(t *testing.T) { f(t, Mode{p, d}) })
		}
	}
}

// Program is one that runs.
type Program struct {
	Network, Addr string // where it listens
	Stdout        *Output
	Stderr        *Output

	t      testing.TB
	exited chan struct{}
	code   int
	cmd    *exec.Cmd // nil if it runs in the process of the test
	cancel func()
}

// Start runs a program within the test and returns when it listens. It is shut
// down with the test, if not before.
func Start(t testing.TB, run cli.Run, args ...string) *Program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := newProgram(t)
	p.cancel = cancel
	go func() {
		defer close(p.exited)
		p.code = run(ctx, args, p.Stdout, p.Stderr)
	}()
	t.Cleanup(func() {
		cancel()
		p.Wait()
	})
	p.listening()
	return p
}

// Exec runs the program of this test binary as a process of its own and returns
// when it listens. It is killed with the test, if it has not ended before.
func Exec(t testing.TB, args ...string) *Program {
	t.Helper()
	p := newProgram(t)
	p.cmd = exec.Command(os.Args[0], args...)
	// A process with the race detector sleeps for a second at its end, unless told not to.
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	p.cmd.Stdout, p.cmd.Stderr = p.Stdout, p.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
	}()
	p.cancel = func() { p.cmd.Process.Kill() }
	t.Cleanup(func() {
		p.cancel()
		p.Wait()
	})
	p.listening()
	return p
}

func newProgram(t testing.TB) *Program {
	return &Program{t: t, Stdout: NewOutput(), Stderr: NewOutput(), exited: make(chan struct{})}
}

var banner = regexp.MustCompile(`listening on (\S+) (\S+),`)

func (p *Program) listening() {
	p.t.Helper()
	line := p.Stdout.Await(p.t, banner, p.exited)
	p.Network, p.Addr = line[1], line[2]
}

// Stop asks a program that runs within the test to end, and returns its exit
// code.
func (p *Program) Stop() int {
	p.t.Helper()
	p.cancel()
	return p.Wait()
}

// Signal sends a signal to a program that is a process, if it has not ended.
func (p *Program) Signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// Running reports whether the program has not ended.
func (p *Program) Running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Wait waits for the end and returns the exit code, which is -1 if a signal has
// killed the process.
func (p *Program) Wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.code
	case <-time.After(Patience):
		p.t.Fatalf("the program does not end; it says:\n%s%s", p.Stdout, p.Stderr)
		return 0
	}
}

// Dial connects to the program; the connection is closed with the test.
func (p *Program) Dial() Conn {
	p.t.Helper()
	return Dial(p.t, p.Network, p.Addr)
}

// Conn is a *net.TCPConn or *net.UnixConn.
type Conn interface {
	net.Conn
	CloseWrite() error
}

// Dial connects; the connection is closed with the test.
func Dial(t testing.TB, network, addr string) Conn {
	t.Helper()
	c, err := net.DialTimeout(network, addr, Patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(Patience))
	return c.(Conn)
}

// Output collects what a program prints.
type Output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{} // has an element after a Write
}

// NewOutput returns an empty one.
func NewOutput() *Output { return &Output{more: make(chan struct{}, 1)} }

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.buf.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Await waits for a line that matches re and returns the matches. It gives up
// when stop is closed, if it is not nil.
func (o *Output) Await(t testing.TB, re *regexp.Regexp, stop <-chan struct{}) []string {
	t.Helper()
	patience := time.After(Patience)
	for last := false; ; {
		for lines := bufio.NewScanner(bytes.NewReader([]byte(o.String()))); lines.Scan(); {
			if m := re.FindStringSubmatch(lines.Text()); m != nil {
				return m
			}
		}
		if last {
			t.Fatalf("no line matches %q in:\n%s", re, o)
		}
		select {
		case <-o.more:
		case <-stop:
			last = true
		case <-patience:
			last = true
		}
	}
}

// Eventually waits for a condition.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting until %s", what)
		}
	}
}

// ReadAll reads until the end of the stream.
func ReadAll(t testing.TB, c io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %d bytes: %v", len(b), err)
	}
	return b
}
