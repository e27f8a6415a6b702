package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
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

// header returns a header of a response that curl -i has printed, or "".
func header(response, name string) string {
	head, _, _ := strings.Cut(response, "\r\n\r\n")
	m := regexp.MustCompile(`(?im)^` + name + `: (.*?)\r?$`).FindStringSubmatch(head)
	if m == nil {
		return ""
	}
	return m[1]
}

func TestCurlCompressed(t *testing.T) {
	clitest.Tool(t, "curl", "curl")
	eachServer(t, func(t *testing.T, args []string) {
		_, url := start(t, args...)
		for _, file := range []string{"index.html", "page.js", "style.css"} {
			want, err := static.ReadFile("static/" + file)
			if err != nil {
				t.Fatal(err)
			}
			path := url + "/" + strings.TrimSuffix(file, "index.html")
			plain, packed := curl(t, "-i", path), curl(t, "-i", "--compressed", path)
			for _, res := range []string{plain, packed} {
				if !strings.HasPrefix(res, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(res, "\r\n\r\n"+string(want)) {
					t.Errorf("%s: %q", file, res)
				}
			}
			// gzhttp leaves alone what is small.
			wantEncoding := "gzip"
			if len(want) < 256 {
				wantEncoding = ""
			}
			if got := header(packed, "Content-Encoding"); got != wantEncoding {
				t.Errorf("%s: encoded with %q, want %q", file, got, wantEncoding)
			}
			if got := header(plain, "Content-Encoding"); got != "" {
				t.Errorf("%s: encoded with %q, not asked for", file, got)
			}
			tag := header(plain, "ETag")
			if !strings.HasPrefix(tag, `W/"`) || header(packed, "ETag") != tag {
				t.Errorf("%s: ETags %s and %s", file, tag, header(packed, "ETag"))
			}

			head := curl(t, "-I", path)
			if header(head, "ETag") != tag || header(head, "Content-Length") != header(plain, "Content-Length") || !strings.HasSuffix(head, "\r\n\r\n") {
				t.Errorf("HEAD %s: %q", file, head)
			}
			if part := curl(t, "-i", "-r", "5-9", path); !strings.HasPrefix(part, "HTTP/1.1 206 ") || !strings.HasSuffix(part, "\r\n\r\n"+string(want[5:10])) {
				t.Errorf("a range of %s: %q", file, part)
			}
		}
	})
}

// A client that has what it asks for is told so, and its connection stays.
func TestCurlNotModified(t *testing.T) {
	clitest.Tool(t, "curl", "curl")
	eachServer(t, func(t *testing.T, args []string) {
		_, url := start(t, args...)
		for _, path := range []string{"/", "/page.js", "/notes"} {
			tag := header(curl(t, "-i", "--compressed", url+path), "ETag")
			for _, known := range []string{tag, `"x", ` + tag, "*"} {
				for _, method := range []string{"GET", "HEAD"} {
					args := []string{"-i", "--compressed", "-H", "If-None-Match: " + known, url + path}
					if method == "HEAD" {
						args = append(args, "-I")
					}
					res := curl(t, args...)
					if !strings.HasPrefix(res, "HTTP/1.1 304 Not Modified\r\n") || !strings.HasSuffix(res, "\r\n\r\n") || header(res, "ETag") != tag {
						t.Errorf("%s %s with If-None-Match: %s: %q", method, path, known, res)
					}
				}
			}
			if res := curl(t, "-i", "-H", `If-None-Match: W/"other"`, url+path); !strings.HasPrefix(res, "HTTP/1.1 200 OK\r\n") {
				t.Errorf("%s with another ETag: %q", path, res)
			}
			conns := curl(t, "-H", "If-None-Match: "+tag, "-w", "%{http_code} %{num_connects};", "-o", os.DevNull, "-o", os.DevNull, url+path, url+path)
			if conns != "304 1;304 0;" {
				t.Errorf("%s twice on a connection: %s", path, conns)
			}
		}
		curl(t, "-d", `{"text":"new"}`, url+"/notes")
		before := header(curl(t, "-i", url+"/notes"), "ETag")
		curl(t, "-d", `{"text":"newer"}`, url+"/notes")
		if res := curl(t, "-i", "-H", "If-None-Match: "+before, url+"/notes"); !strings.HasPrefix(res, "HTTP/1.1 200 OK\r\n") {
			t.Errorf("after a change: %q", res)
		}
	})
}

// Events come when they are sent, plain and through gzip, and curl is not cut off
// when the server ends.
func TestCurlClock(t *testing.T) {
	path := clitest.Tool(t, "curl", "curl")
	eachServer(t, func(t *testing.T, args []string) {
		p, url := start(t, args...)
		ctx, cancel := context.WithTimeout(context.Background(), clitest.Patience)
		defer cancel()
		var watchers []*exec.Cmd
		for _, more := range [][]string{nil, {"--compressed"}, {"--http1.0"}} {
			cmd := exec.CommandContext(ctx, path, append(more, "-sSN", "--fail", url+"/clock")...)
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			watchers = append(watchers, cmd)
			lines := bufio.NewScanner(stdout)
			for _, want := range []string{"id: 1", "data: {", "", "id: 2", "data: {", "", "id: 3", "data: {", ""} {
				if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
					t.Fatalf("curl %q printed %q, want %q..., %v, %s", more, lines.Text(), want, lines.Err(), &stderr)
				}
			}
			// Lest curl wait for a reader.
			go func() {
				for lines.Scan() {
				}
			}()
		}
		if code := p.Stop(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr)
		}
		for _, cmd := range watchers {
			if err := cmd.Wait(); err != nil {
				t.Errorf("%q: %v: %s", cmd.Args, err, cmd.Stderr)
			}
		}
	})
}
