package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, run) }

// start starts the program on free ports.
func start(t testing.TB, args ...string) *clitest.Program {
	t.Helper()
	return clitest.Start(t, run, append([]string{"-addr", "127.0.0.1:0", "-tcp", "127.0.0.1:0", "-grace", "5s"}, args...)...)
}

// tcp returns the URL for clients on raw TCP.
func tcp(t testing.TB, p *clitest.Program) string {
	t.Helper()
	return p.Stdout.Await(t, regexp.MustCompile(`^push: raw TCP (tcp://\S+)$`), nil)[1]
}

// request sends a request and returns the status and the body.
func request(t testing.TB, p *clitest.Program, method, path, host, bearer, body string) (int, string) {
	t.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest(method, "http://"+p.Addr+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := (&http.Client{Transport: transport, Timeout: clitest.Patience}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, string(clitest.ReadAll(t, res.Body))
}

const hello = `{"topic":"chat/room","data":"hello","qos":1}`

// command is one that runs beside a server.
type command struct {
	stdout, stderr *clitest.Output
	code           chan int
}

// begin runs a command until it ends, or the test.
func begin(t testing.TB, f cli.Run, args ...string) *command {
	t.Helper()
	c := &command{clitest.NewOutput(), clitest.NewOutput(), make(chan int, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.code <- f(ctx, args, c.stdout, c.stderr)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return c
}

// await waits for a line on stdout.
func (c *command) await(t testing.TB, pattern string) {
	t.Helper()
	c.stdout.Await(t, regexp.MustCompile(pattern), nil)
}

// pub publishes lines.
func pub(t testing.TB, lines string, args ...string) {
	t.Helper()
	stdout, stderr := clitest.NewOutput(), clitest.NewOutput()
	if code := runPub(context.Background(), args, strings.NewReader(lines), stdout, stderr); code != cli.OK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
}

// Everything is where it is said to be, and what one client publishes the others get,
// however they are connected.
func TestServe(t *testing.T) {
	for name, args := range map[string][]string{"memory": nil, "data": {"-data", filepath.Join(t.TempDir(), "log")}} {
		t.Run(name, func(t *testing.T) {
			traces := filepath.Join(t.TempDir(), "traces")
			p := start(t, append(args, "-traces", traces, "-stats", "10ms", "-log-level", "debug", "-log", "json")...)
			for path, want := range map[string]string{
				"/": "<html", "/push.js": "export", "/health": "ok", "/metrics": "weir_push_sessions", "/api/topics": "topics",
			} {
				if status, body := request(t, p, "GET", path, "", "", ""); status != 200 || !strings.Contains(body, want) {
					t.Errorf("%s: status %d, %.200s", path, status, body)
				}
			}
			ws := begin(t, runSub, "-server", "ws://"+p.Addr+"/ws", "chat/#")
			raw := begin(t, runSub, "-server", tcp(t, p), "-qos", "0", "chat/room")
			ws.stderr.Await(t, regexp.MustCompile(`connected`), nil)
			raw.stderr.Await(t, regexp.MustCompile(`connected`), nil)
			clitest.Eventually(t, "both have subscribed", func() bool {
				_, body := request(t, p, "GET", "/api/stats", "", "", "")
				return strings.Contains(body, `"subs":2`)
			})
			if status, body := request(t, p, "POST", "/api/publish", "", "", hello); status != 200 || !strings.Contains(body, `"offset":1`) {
				t.Errorf("status %d, %s", status, body)
			}
			pub(t, "one\ntwo\n", "-server", tcp(t, p), "chat/room")
			for _, c := range []*command{ws, raw} {
				for _, data := range []string{"hello", "one", "two"} {
					c.await(t, "^chat/room\t"+data+"$")
				}
			}
			late := begin(t, runSub, "-server", tcp(t, p), "-all", "-count", "3", "chat/+")
			if code := <-late.code; code != cli.OK || strings.Count(late.stdout.String(), "\n") != 3 {
				t.Errorf("exit code %d, %s", code, late.stdout)
			}
			if code := p.Stop(); code != 0 {
				t.Errorf("exit code %d: %s", code, p.Stderr)
			}
			p.Stdout.Await(t, regexp.MustCompile(`^push: served \d+ connections; published 3, .*stored 3`), nil)
			p.Stdout.Await(t, regexp.MustCompile(`^sessions \d`), nil)
			if b, err := os.ReadFile(traces); err != nil || !strings.Contains(string(b), `"TraceID"`) {
				t.Errorf("traces: %v, %.200s", err, b)
			}
			ws.stderr.Await(t, regexp.MustCompile(`sent away|going away|goes away`), nil)
		})
	}
}

// Without a key the server answers for this machine only, whatever a name resolves to.
func TestHosts(t *testing.T) {
	p, open := start(t), start(t, "-insecure")
	for host, want := range map[string]int{"": 200, "localhost": 200, "localhost:80": 200, "evil.example": 403, "evil.example:80": 403} {
		for _, path := range []string{"/", "/push.js", "/api/topics", "/metrics"} {
			if status, body := request(t, p, "GET", path, host, "", ""); status != want {
				t.Errorf("%s of %q: status %d, %s", path, host, status, body)
			}
			if status, body := request(t, open, "GET", path, host, "", ""); status != 200 {
				t.Errorf("%s of %q with -insecure: status %d, %s", path, host, status, body)
			}
		}
	}
}

// With a secret each does what the token says.
func TestTokens(t *testing.T) {
	file := secret(t)
	p := start(t, "-secret-file", file)
	reader := token(t, "-secret-file", file, "-user", "ann", "-subscribe", "chat/#")
	operator := token(t, "-secret-file", file, "-user", "op", "-publish", "#", "-subscribe", "#,$weir/#", "-api")
	for _, test := range []struct {
		method, path, bearer, body string
		status                     int
	}{
		{"GET", "/", "", "", 200},
		{"GET", "/health", "", "", 200},
		{"GET", "/metrics", "", "", 401},
		{"GET", "/metrics", reader, "", 403},
		{"GET", "/metrics", operator, "", 200},
		{"POST", "/api/publish", "", hello, 401},
		{"POST", "/api/publish", reader, hello, 403},
		{"POST", "/api/publish", operator, hello, 200},
	} {
		if status, body := request(t, p, test.method, test.path, "any.example", test.bearer, test.body); status != test.status {
			t.Errorf("%s %s: status %d, want %d: %s", test.method, test.path, status, test.status, body)
		}
	}
	bearer := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(bearer, []byte(reader+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sub := begin(t, runSub, "-server", tcp(t, p), "-token-file", bearer, "-all", "-count", "1", "chat/#")
	if code := <-sub.code; code != cli.OK || sub.stdout.String() != "chat/room\thello\n" {
		t.Errorf("exit code %d, %s%s", code, sub.stdout, sub.stderr)
	}
	for what, args := range map[string][]string{
		"no token":            {"chat/#"},
		"the topic of others": {"-token-file", bearer, "secret/#"},
	} {
		sub := begin(t, runSub, append([]string{"-server", tcp(t, p)}, args...)...)
		if code := <-sub.code; code != cli.Failure {
			t.Errorf("%s: exit code %d, %s", what, code, sub.stderr)
		}
	}
	var out strings.Builder
	if code := runPub(t.Context(), []string{"-server", tcp(t, p), "-token-file", bearer, "chat/room"}, strings.NewReader("x\n"), io.Discard, &out); code != cli.Failure {
		t.Errorf("ann may publish: exit code %d, %s", code, &out)
	}
}
