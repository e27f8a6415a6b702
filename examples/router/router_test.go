package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, run) }

// start starts the program on a free port.
func start(t testing.TB, args ...string) (p *clitest.Program, url string) {
	t.Helper()
	p = clitest.Start(t, run, append([]string{"-addr", "127.0.0.1:0", "-tick", "10ms"}, args...)...)
	return p, "http://" + p.Addr
}

// eachServer runs a test with weir and with net/http, between which there must be
// no difference.
func eachServer(t *testing.T, f func(t *testing.T, args []string)) {
	t.Run("weir, epoll", func(t *testing.T) { f(t, []string{"-server", "weir"}) })
	t.Run("weir, select", func(t *testing.T) { f(t, []string{"-server", "weir", "-poller", "select"}) })
	t.Run("net", func(t *testing.T) { f(t, []string{"-server", "net"}) })
}

// client is one with connections of its own, which end with the test.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: clitest.Patience}
}

func TestNotes(t *testing.T) {
	eachServer(t, func(t *testing.T, args []string) {
		_, url := start(t, args...)
		c := client(t)
		for _, test := range []struct {
			method, path, send string
			status             int
			want               string
		}{
			{"GET", "/notes", "", 200, `[]`},
			{"POST", "/notes", `{"text":"one"}`, 201, `{"id":1,"text":"one"}`},
			{"POST", "/notes", `{"id":7,"text":"zwei, 二"}`, 201, `{"id":2,"text":"zwei, 二"}`},
			{"GET", "/notes", "", 200, `[{"id":1,"text":"one"},{"id":2,"text":"zwei, 二"}]`},
			{"GET", "/notes/2", "", 200, `{"id":2,"text":"zwei, 二"}`},
			{"HEAD", "/notes/2", "", 200, ``},
			{"DELETE", "/notes/1", "", 204, ``},
			{"DELETE", "/notes/1", "", 404, `{"error":"no such note"}`},
			{"GET", "/notes/x", "", 404, `{"error":"no such note"}`},
			{"POST", "/notes", `nonsense`, 400, `{"error":"want {\"text\":\"...\"}"}`},
			{"POST", "/notes", `{"text":"` + strings.Repeat("x", maxNote) + `"}`, 413, `{"error":"the note is too large"}`},
			{"HEAD", "/notes", "", 200, ``},
			{"PUT", "/notes", "", 405, ``},
			{"GET", "/notes", "", 200, `[{"id":2,"text":"zwei, 二"}]`},
			{"GET", "/missing", "", 404, `404 page not found`},
		} {
			req, _ := http.NewRequest(test.method, url+test.path, strings.NewReader(test.send))
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body := strings.TrimSuffix(string(clitest.ReadAll(t, res.Body)), "\n")
			res.Body.Close()
			if res.StatusCode != test.status || body != test.want {
				t.Errorf("%s %s: %d, %s, want %d, %s", test.method, test.path, res.StatusCode, body, test.status, test.want)
			}
		}
	})
}

// The clock of a client that has gone stops, and those of others go on until the
// server ends.
func TestClockEnds(t *testing.T) {
	eachServer(t, func(t *testing.T, args []string) {
		p, url := start(t, args...)
		watch := func() (r io.ReadCloser, await func(pattern string)) {
			res, err := client(t).Get(url + "/clock")
			if err != nil {
				t.Fatal(err)
			}
			if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
				t.Errorf("Content-Type: %s", got)
			}
			seen := clitest.NewOutput()
			go io.Copy(seen, res.Body)
			return res.Body, func(pattern string) {
				t.Helper()
				seen.Await(t, regexp.MustCompile(pattern), nil)
			}
		}
		first, await := watch()
		await(`^data: .*"watching":1}$`)
		second, _ := watch()
		defer second.Close()
		await(`^data: .*"watching":2}$`)
		first.Close()
		third, await := watch()
		defer third.Close()
		await(`^data: .*"watching":2}$`)
		if code := p.Stop(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr)
		}
	})
}
