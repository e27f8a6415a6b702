package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, run) }

// start starts the program on a free port.
func start(t testing.TB, args ...string) *clitest.Program {
	t.Helper()
	return clitest.Start(t, run, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
}

// Browsers that come to look get the page, and all others the handshake.
func TestPage(t *testing.T) {
	clitest.EachMode(t, func(t *testing.T, m clitest.Mode) {
		p := start(t, m.Args()...)
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		c := &http.Client{Transport: transport, Timeout: clitest.Patience}
		for _, test := range []struct {
			method, path string
			status       int
		}{
			{"GET", "/", 200},
			{"GET", "/?x", 200},
			{"HEAD", "/", 200},
			{"POST", "/", 405},
			{"GET", "/other", 426},
		} {
			req, _ := http.NewRequest(test.method, "http://"+p.Addr+test.path, nil)
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body := string(clitest.ReadAll(t, res.Body))
			res.Body.Close()
			if res.StatusCode != test.status {
				t.Errorf("%s %s: status %d, want %d", test.method, test.path, res.StatusCode, test.status)
			}
			if wantPage := test.status == 200 && test.method == "GET"; strings.Contains(body, "new WebSocket") != wantPage {
				t.Errorf("%s %s: %q", test.method, test.path, body)
			}
		}
		transport.CloseIdleConnections()
		if code := p.Stop(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr)
		}
		p.Stdout.Await(t, regexp.MustCompile(`^websocket: served 1 conns, .*; 0 sockets, messages: 0 in, 0 out, refused: no handshake 2$`), nil)
	})
}
