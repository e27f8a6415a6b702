package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// curl runs curl and returns what it prints. -sS leaves nothing but the responses
// and errors.
func curl(t *testing.T, args ...string) string {
	t.Helper()
	path := clitest.Tool(t, "curl", "curl")
	return clitest.Command(t, nil, path, append([]string{"-sS", "--max-time", "20"}, args...)...)
}

func TestCurl(t *testing.T) {
	clitest.Tool(t, "curl", "curl")
	large := bytes.Repeat([]byte("0123456789abcde\n"), 64<<10) // 1 MiB
	file := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(file, large, 0o600); err != nil {
		t.Fatal(err)
	}
	eachMode(t, func(t *testing.T, args []string) {
		_, url := start(t, args...)
		for _, test := range []struct {
			name string
			args []string
			want string
		}{
			{"GET", []string{url + "/plaintext"}, hello},
			{"GET of HTTP/1.0", []string{"--http1.0", url + "/plaintext"}, hello},
			{"JSON", []string{"-w", " %{content_type}", url + "/json"}, `{"message":"Hello, World!"} application/json`},
			{"POST", []string{"-d", "a=b", "-w", " %{content_type}", url + "/form"}, "a=b application/x-www-form-urlencoded"},
			{"POST of nothing", []string{"-d", "", "-w", "%{http_code}", url + "/form"}, "200"},
			{"POST in chunks", []string{"-H", "Transfer-Encoding: chunked", "-d", "in chunks", url}, "in chunks"},
			{"any method", []string{"-X", "BREW", "-d", "tea", "--path-as-is", url + "/a/../b//c"}, "tea"},
			{"large", []string{"--data-binary", "@" + file, "-H", "Expect:", url}, string(large)},
			{"large in chunks", []string{"-T", file, "-H", "Expect:", "-H", "Transfer-Encoding: chunked", url + "/x"}, string(large)},
			// The whole time that curl would wait without a 100 is more than it has.
			{"large, told to continue", []string{"--expect100-timeout", "60", "-H", "Expect: 100-continue", "--data-binary", "@" + file, url}, string(large)},
			{"large, told to continue, in chunks", []string{"--expect100-timeout", "60", "-H", "Expect: 100-continue", "-T", file,
				"-H", "Transfer-Encoding: chunked", url + "/x"}, string(large)},
		} {
			t.Run(test.name, func(t *testing.T) {
				if got := curl(t, test.args...); got != test.want {
					t.Errorf("curl printed %d bytes, %.100q..., want %d, %.100q...", len(got), got, len(test.want), test.want)
				}
			})
		}
		if got := curl(t, "-I", url+"/plaintext"); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") ||
			!strings.Contains(got, "\r\nContent-Length: 13\r\n") || !strings.HasSuffix(got, "\r\n\r\n") {
			t.Errorf("HEAD: curl printed %q", got)
		}
	})
}

// A 100 Continue is sent when it is asked for, and only then.
func TestCurlContinue(t *testing.T) {
	clitest.Tool(t, "curl", "curl")
	eachMode(t, func(t *testing.T, args []string) {
		_, url := start(t, append(args, "-max-body", "100000")...)
		large := strings.Repeat("x", 50_000)
		for _, test := range []struct {
			expect, body, want string
		}{
			{"Expect: 100-continue", large, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"},
			{"Expect:", large, "HTTP/1.1 200 OK\r\n"},
			{"Expect: 100-continue", large + large + large, "HTTP/1.1 413 "},
			{"Expect: miracles", large, "HTTP/1.1 417 "},
		} {
			file := filepath.Join(t.TempDir(), "body")
			if err := os.WriteFile(file, []byte(test.body), 0o600); err != nil {
				t.Fatal(err)
			}
			got := curl(t, "-i", "--expect100-timeout", "60", "-H", test.expect, "--data-binary", "@"+file, url)
			if !strings.HasPrefix(got, test.want) {
				t.Errorf("%s with %d bytes: %.100q..., want %q...", test.expect, len(test.body), got, test.want)
			}
		}
	})
}

// Connections are kept where the protocol has it so, and not where not.
func TestCurlKeepAlive(t *testing.T) {
	clitest.Tool(t, "curl", "curl")
	eachMode(t, func(t *testing.T, args []string) {
		_, url := start(t, args...)
		for _, test := range []struct {
			name  string
			args  []string
			conns string // new ones, for each of the four transfers
		}{
			{"HTTP/1.1", nil, "1000"},
			{"HTTP/1.1, close", []string{"-H", "Connection: close"}, "1111"},
			{"HTTP/1.0", []string{"--http1.0"}, "1111"},
			{"HTTP/1.0, keep-alive", []string{"--http1.0", "-H", "Connection: keep-alive"}, "1000"},
		} {
			t.Run(test.name, func(t *testing.T) {
				args := append(test.args, "-w", "%{num_connects}", "-o", os.DevNull)
				for _, path := range []string{"/plaintext", "/json", "/echo", "/plaintext"} {
					args = append(args, url+path, "-o", os.DevNull)
				}
				if got := curl(t, args[:len(args)-2]...); got != test.conns {
					t.Errorf("connections made: %s, want %s", got, test.conns)
				}
			})
		}
	})
}

// The commands of the help do what they say.
func TestCurlHelp(t *testing.T) {
	clitest.Tool(t, "curl", "curl")
	sh := clitest.Tool(t, "a shell", "sh")
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Skip("no /etc/hosts on this system")
	}
	_, url := start(t)
	for _, test := range []struct{ line, want string }{
		{"curl -i http://127.0.0.1:8080/plaintext", hello},
		{"curl -i http://127.0.0.1:8080/echo -d 'hello'", "hello"},
		{"curl -i http://127.0.0.1:8080/echo -H 'Transfer-Encoding: chunked' -T /etc/hosts", string(hosts)},
	} {
		if !strings.Contains(examples, test.line) {
			t.Fatalf("%q is not in the help", test.line)
		}
		line := strings.Replace(test.line, "http://127.0.0.1:8080", url, 1)
		got := clitest.Command(t, nil, sh, "-c", line)
		if !strings.HasPrefix(got, "HTTP/1.1 ") || !strings.HasSuffix(got, "\r\n\r\n"+test.want) {
			t.Errorf("%s printed %q", line, got)
		}
	}
}
