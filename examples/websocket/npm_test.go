package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// npm's ws, a client that knows nothing of weir, gets along with every way to run
// the server.
func TestNPM(t *testing.T) {
	node := clitest.Tool(t, "nodejs", "node", "nodejs")
	script := filepath.Join("npm", "client.js")
	const resolve = `require("module").createRequire(require("path").resolve(process.argv[1])).resolve("ws")`
	if err := exec.Command(node, "-e", resolve, script).Run(); err != nil {
		clitest.Lacking(t, "no npm module ws here: run npm ci in examples/websocket/npm, or have NODE_PATH name where it is")
	}
	for _, compress := range []struct {
		word, extensions string // what is negotiated if the client wants it
	}{
		{"off", ""},
		{"no-takeover", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{"takeover", "permessage-deflate"},
	} {
		t.Run(compress.word, func(t *testing.T) {
			for _, dispatch := range []string{"pool", "inline"} {
				t.Run(dispatch, func(t *testing.T) {
					p := start(t, "-dispatch", dispatch, "-compress", compress.word)
					url := "ws://" + p.Addr + "/any/path?and=query"
					for _, wants := range []string{"", "deflate"} {
						out := clitest.Command(t, nil, node, script, url, wants)
						want := ""
						if wants != "" {
							want = compress.extensions
						}
						if got, _, _ := strings.Cut(out, "\n"); !sameExtensions(got, "extensions: "+want) {
							t.Errorf("negotiated %q, want %q", got, want)
						}
					}
					if code := p.Stop(); code != 0 {
						t.Errorf("exit code %d: %s", code, p.Stderr)
					}
					p.Stdout.Await(t, regexp.MustCompile(`^websocket: served .*; 14 sockets, .*refused: origin 6, ended: protocol error 2, ended: too large 4`), nil)
				})
			}
		})
	}
}

// sameExtensions reports whether two lists have the same parameters, in any order.
func sameExtensions(a, b string) bool {
	count := map[string]int{}
	for _, p := range strings.Split(a, "; ") {
		count[p]++
	}
	for _, p := range strings.Split(b, "; ") {
		count[p]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}
