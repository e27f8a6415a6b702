package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// ApacheBench speaks HTTP/1.0, with and without keep-alive.
func TestAB(t *testing.T) {
	ab := clitest.Tool(t, "apache2-utils", "ab")
	body := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(body, []byte(strings.Repeat("x", 3000)), 0o600); err != nil {
		t.Fatal(err)
	}
	eachMode(t, func(t *testing.T, args []string) {
		_, url := start(t, args...)
		for _, test := range []struct {
			name      string
			args      []string
			keepAlive string
		}{
			{"new connections", []string{url + "/plaintext"}, ""},
			{"keep-alive", []string{"-k", url + "/plaintext"}, "500"},
			{"keep-alive POST", []string{"-k", "-p", body, "-T", "text/plain", url + "/echo"}, "500"},
		} {
			t.Run(test.name, func(t *testing.T) {
				out := clitest.Command(t, nil, ab, append([]string{"-q", "-s", "20", "-n", "500", "-c", "10"}, test.args...)...)
				if got := abFigure(out, "Complete requests"); got != "500" {
					t.Errorf("complete requests: %s", got)
				}
				if got := abFigure(out, "Failed requests"); got != "0" {
					t.Errorf("failed requests: %s", got)
				}
				if got := abFigure(out, "Non-2xx responses"); got != "" {
					t.Errorf("non-2xx responses: %s", got)
				}
				if got := abFigure(out, "Keep-Alive requests"); got != test.keepAlive {
					t.Errorf("requests on a connection that is kept: %s, want %s", got, test.keepAlive)
				}
				if t.Failed() {
					t.Log(out)
				}
			})
		}
	})
}

// abFigure returns a figure of ab's report, or "" if it is not there.
func abFigure(report, name string) string {
	m := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+)`).FindStringSubmatch(report)
	if m == nil {
		return ""
	}
	return m[1]
}
