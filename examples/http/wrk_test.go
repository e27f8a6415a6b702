package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in `)
	wrkErrors   = regexp.MustCompile(`.*(?:Socket errors|Non-2xx).*`) // wrk prints these only if there are any
)

// wrk runs wrk for a second and returns the number of requests, all of which have
// to have been answered well.
func wrk(t *testing.T, args ...string) int {
	t.Helper()
	path := clitest.Tool(t, "wrk", "wrk")
	out := clitest.Command(t, nil, path, append([]string{"-t", "2", "-c", "20", "-d", "1s", "--timeout", "20s"}, args...)...)
	for _, line := range wrkErrors.FindAllString(out, -1) {
		t.Errorf("wrk says %s", line)
	}
	m := wrkRequests.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("wrk printed %s", out)
	}
	n, _ := strconv.Atoi(m[1])
	if n == 0 {
		t.Errorf("wrk printed %s", out)
	}
	return n
}

func TestWrk(t *testing.T) {
	clitest.Tool(t, "wrk", "wrk")
	pipeline := filepath.Join("wrk", "pipeline.lua")
	authorization := filepath.Join("wrk", "authorization.lua")
	for _, test := range []struct {
		name string
		args []string // of the server
		wrk  func(url string) []string
	}{
		{"fast inline", []string{"-dispatch", "inline"}, func(url string) []string { return []string{url + "/plaintext"} }},
		{"nethttp", []string{"-api", apiNetHTTP}, func(url string) []string { return []string{url + "/plaintext"} }},
		{"fast inline, pipelined", []string{"-dispatch", "inline"}, func(url string) []string { return []string{"-s", pipeline, url + "/plaintext"} }},
		{"nethttp, pipelined", []string{"-api", apiNetHTTP}, func(url string) []string { return []string{"-s", pipeline, url + "/json"} }},
		{"fast pool, authorized", nil, func(url string) []string { return []string{"-s", authorization, url + "/json"} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, url := start(t, test.args...)
			n := wrk(t, test.wrk(url)...)
			if code := p.Stop(); code != 0 {
				t.Errorf("exit code %d: %s", code, p.Stderr)
			}
			// What wrk has not read any more when its time was up is more.
			m := p.Stdout.Await(t, regexp.MustCompile(`^http: served \d+ conns, .*, (\d+) frames`), nil)
			if served, _ := strconv.Atoi(m[1]); served < n {
				t.Errorf("served %d requests, wrk has seen the responses of %d", served, n)
			}
		})
	}
}

// The scripts send what they say, as net/http has it.
func TestWrkScripts(t *testing.T) {
	clitest.Tool(t, "wrk", "wrk")
	for _, test := range []struct {
		script, env, want string
	}{
		{"authorization.lua", "TOKEN=secret", "Bearer secret"},
		{"authorization.lua", "", "Bearer " + strings.Repeat("x", 160)},
		{"pipeline.lua", "DEPTH=4", ""},
	} {
		t.Run(test.script+" "+test.env, func(t *testing.T) {
			if name, value, ok := strings.Cut(test.env, "="); ok {
				t.Setenv(name, value)
			}
			var others atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != test.want || r.Method != "GET" || r.URL.Path != "/x" || !strings.HasPrefix(r.Host, "127.0.0.1:") {
					others.Add(1)
				}
			}))
			defer srv.Close()
			wrk(t, "-s", filepath.Join("wrk", test.script), srv.URL+"/x")
			if n := others.Load(); n > 0 {
				t.Errorf("%d requests are others than wanted", n)
			}
		})
	}
}

// The README has the script as it is.
func TestWrkReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join("wrk", "authorization.lua"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(script), "\n\n")
	if !strings.Contains(string(readme), "```lua\n"+code+"```\n") {
		t.Errorf("README.md is without\n%s", code)
	}
}
