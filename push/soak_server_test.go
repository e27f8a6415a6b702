package push_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/pebblelog"
	"github.com/weir-go/weir/web"
)

// soakDir tells the test binary, started again, to serve what is in that directory until
// its standard input ends; soakKeep is how many messages of a topic it keeps, 0 being all.
const (
	soakDir  = "PUSH_TEST_SOAK_DIR"
	soakKeep = "PUSH_TEST_SOAK_KEEP"
)

// soakChild is the server that is killed.
func soakChild(dir string) {
	// Whatever holds it up, it does not outlive its parent for long.
	gone := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(gone)
		time.Sleep(10 * time.Second)
		os.Exit(3)
	}()
	if err := soakServe(dir, gone); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func soakServe(dir string, gone <-chan struct{}) error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	keep := msglog.Retention{Count: -1, Bytes: -1}
	near := msglog.MemoryOptions{}
	if n, _ := strconv.Atoi(os.Getenv(soakKeep)); n > 0 {
		keep.Count, near.Keep.Count = n, n
	}
	back, err := pebblelog.Open(dir, pebblelog.Options{
		Keep: keep, MemTable: 1 << 20, MinFree: -1, DedupCount: 1_000_000, DedupAge: time.Hour, Logger: logger,
	})
	if err != nil {
		return err
	}
	const ping = 2 * time.Second
	p, err := push.New(push.Config{Log: msglog.NewCached(back, near), Ping: ping, AcceptRate: -1, Logger: logger})
	if err != nil {
		return err
	}
	// Little room in the connections, so that slow readers are behind soon.
	config := gateway.Config(weir.Config{Loops: 1, HighWatermark: 8 << 10, Logger: logger})
	config.Socket.WriteBuffer = soakBuffer
	o := gateway.Options{Ping: ping}
	h := web.Handler(nil).WebSocket("/ws", gateway.WebSocket(p, o))
	var at [2]string
	for i, h := range []weir.Handler{gateway.TCP(p, o), h} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		at[i] = ln.Addr().String()
		s := &weir.Server{Handler: h, Config: config}
		go func() {
			fmt.Println("error", s.Serve(ln)) // read by nobody once it is ready
		}()
	}
	fmt.Println("ready", at[0], at[1])
	<-gone
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return p.Shutdown(ctx)
}

// soakServer is one life after the other of the server.
type soakServer struct {
	t     *testing.T
	dir   string
	keep  int
	tcp   *soakProxy
	web   *soakProxy
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lives int
}

// newSoakServer starts a server behind two proxies.
func newSoakServer(t *testing.T, keep int) *soakServer {
	v := &soakServer{t: t, dir: t.TempDir(), keep: keep, tcp: newSoakProxy(t), web: newSoakProxy(t)}
	t.Cleanup(v.kill)
	v.start()
	return v
}

// start returns when the server is ready.
func (v *soakServer) start() {
	v.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		v.t.Fatal(err)
	}
	v.cmd = exec.Command(exe)
	v.cmd.Env = append(os.Environ(), soakDir+"="+v.dir, soakKeep+"="+strconv.Itoa(v.keep))
	v.cmd.Stderr = os.Stderr
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if v.stdin, err = v.cmd.StdinPipe(); err != nil {
		v.t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		v.t.Fatal(err)
	}
	v.lives++
	stuck := time.AfterFunc(patience, func() { v.cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	stuck.Stop()
	var tcp, web string
	if _, bad := fmt.Sscanf(line, "ready %s %s", &tcp, &web); bad != nil {
		v.t.Fatalf("the server does not start, in its life %d: %q, %v", v.lives, line, err)
	}
	v.tcp.aim(tcp)
	v.web.aim(web)
}

// kill ends the server as a crash does.
func (v *soakServer) kill() {
	if v.cmd == nil || v.cmd.Process == nil {
		return
	}
	v.cmd.Process.Kill()
	v.cmd.Wait()
	v.cmd = nil
}

// stop ends the server as an operator does.
func (v *soakServer) stop() {
	v.t.Helper()
	v.stdin.Close()
	stuck := time.AfterFunc(patience, func() { v.cmd.Process.Kill() })
	defer stuck.Stop()
	if err := v.cmd.Wait(); err != nil {
		v.t.Errorf("the server does not shut down: %v", err)
	}
	v.cmd = nil
}
