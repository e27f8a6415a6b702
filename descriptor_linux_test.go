package weir_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/weir-go/weir"
)

// openSockets returns the descriptors that are a socket, a poller or a part of
// one, with what they are.
func openSockets(t *testing.T) map[int]string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	fds := map[int]string{}
	for _, e := range entries {
		fd, _ := strconv.Atoi(e.Name())
		what, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || fd <= 2 {
			continue // closed meanwhile, or the test's own input and output
		}
		for _, kind := range []string{"socket:", "pipe:", "anon_inode:"} {
			if strings.HasPrefix(what, kind) {
				fds[fd] = what
			}
		}
	}
	return fds
}

// Every descriptor is close-on-exec, and every one of a socket non-blocking, so
// that a child process neither inherits a connection nor keeps it open.
func TestDescriptorsAreCloseOnExec(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		before := openSockets(t)
		s := &weir.Server{Handler: echo}
		nc := dial(t, serve(t, m, s))
		c := &weir.Client{Handler: echo, Config: weir.Config{Poller: m.Poller, Dispatch: m.Dispatch}}
		defer c.Close()
		if _, err := c.Dial(t.Context(), "tcp", nc.RemoteAddr().String()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "both are accepted", func() bool { return s.Stats().Conns == 2 })
		fds := openSockets(t)
		for fd := range before { // the test process may have inherited some
			delete(fds, fd)
		}
		if len(fds) < 10 { // two listening sockets, two pollers of two descriptors, four connections
			t.Fatalf("only %d descriptors: %v", len(fds), fds)
		}
		for fd, what := range fds {
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d (%s) is not close-on-exec", fd, what)
			}
			if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); strings.HasPrefix(what, "socket:") && (err != nil || flags&unix.O_NONBLOCK == 0) {
				t.Errorf("descriptor %d (%s) is blocking", fd, what)
			}
		}
		out, err := exec.Command("/bin/sh", "-c", "ls -l /proc/$$/fd").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range fds {
			if strings.HasPrefix(what, "socket:") && strings.Contains(string(out), what) {
				t.Errorf("a child has %s", what)
			}
		}
	})
}

// Shutdown leaves no descriptor behind, also those that were only duplicated.
func TestNoDescriptorIsLeft(t *testing.T) {
	for _, m := range modes() {
		t.Run(fmt.Sprint(m.Poller, "/", m.Dispatch), func(t *testing.T) {
			before := openSockets(t)
			t.Run("serve", func(t *testing.T) {
				s := &weir.Server{Handler: echo, ReusePort: true}
				s.Poller, s.Dispatch, s.Loops = m.Poller, m.Dispatch, 3
				served := make(chan error, 1)
				go func() { served <- s.ListenAndServe("tcp", "127.0.0.1:0") }()
				eventually(t, "it listens", func() bool { return len(s.Addrs()) == 3 })
				for range 10 {
					nc := dial(t, s.Addrs()[0].String())
					io.WriteString(nc, "x")
					io.ReadFull(nc, make([]byte, 1))
				}
				if err := s.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				receive(t, served, "Serve")
			})
			eventually(t, "no descriptor is left", func() bool { return len(openSockets(t)) <= len(before) })
		})
	}
}
