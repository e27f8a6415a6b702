package main

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// client is a public program that sends its standard input and prints the reply.
type client struct {
	name    string
	probe   []string // has to succeed, or print what supports says
	says    string
	tcp     func(host, port string) []string
	unix    func(path string) []string
	install string
}

const pythonClient = `
import socket, sys
args = sys.argv[1:]
s = socket.create_connection((args[0], int(args[1]))) if len(args) == 2 else socket.socket(socket.AF_UNIX)
if len(args) == 1: s.connect(args[0])
s.sendall(sys.stdin.buffer.read())
s.shutdown(socket.SHUT_WR)
while b := s.recv(65536): sys.stdout.buffer.write(b)
`

var clients = []client{
	{
		name: "nc", probe: []string{"-h"}, says: "N", install: "netcat-openbsd",
		tcp:  func(host, port string) []string { return []string{"-N", host, port} },
		unix: func(path string) []string { return []string{"-N", "-U", path} },
	},
	{
		name: "socat", probe: []string{"-V"}, says: "socat", install: "socat",
		tcp:  func(host, port string) []string { return []string{"-t", "20", "-", "TCP:" + host + ":" + port} },
		unix: func(path string) []string { return []string{"-t", "20", "-", "UNIX-CONNECT:" + path} },
	},
	{
		name: "python3", probe: []string{"-V"}, says: "Python 3", install: "python3",
		tcp:  func(host, port string) []string { return []string{"-c", pythonClient, host, port} },
		unix: func(path string) []string { return []string{"-c", pythonClient, path} },
	},
}

// look skips the test if the client is not there, or is another by that name.
func (c client) look(t *testing.T) {
	t.Helper()
	clitest.Tool(t, c.install, c.name)
	out, _ := exec.Command(c.name, c.probe...).CombinedOutput()
	usage, _, _ := strings.Cut(strings.TrimPrefix(string(out), "OpenBSD"), "\n\t")
	if !strings.Contains(usage, c.says) {
		clitest.Lacking(t, "this %s is not the one of %s", c.name, c.install)
	}
}

func (c client) talk(t *testing.T, args []string, v conversation) {
	t.Helper()
	got := []byte(clitest.Command(t, bytes.NewReader(v.send), c.name, args...))
	if !bytes.Equal(got, v.want) {
		t.Errorf("%s got %d bytes, %q..., want %d, %q...", c.name, len(got), head(got), len(v.want), head(v.want))
	}
}

func head(b []byte) []byte { return b[:min(len(b), 40)] }

// Public clients can talk to the server, over TCP and over a unix socket, in few
// bytes and in many.
func TestPublicClients(t *testing.T) {
	small := map[string]conversation{
		"raw":    {[]byte("hello\r\n"), []byte("hello\r\n")},
		"line":   {[]byte("hello\r\nweir\n\n"), []byte("hello\nweir\n\n")},
		"length": {[]byte("\x00\x00\x00\x05hello\x00\x00\x00\x00"), []byte("\x00\x00\x00\x05hello\x00\x00\x00\x00")},
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			c.look(t)
			for codec, large := range conversations() {
				t.Run(codec, func(t *testing.T) {
					p := clitest.Start(t, run, "-addr", "127.0.0.1:0", "-codec", codec)
					host, port, err := net.SplitHostPort(p.Addr)
					if err != nil {
						t.Fatal(err)
					}
					c.talk(t, c.tcp(host, port), small[codec])
					c.talk(t, c.tcp(host, port), large)

					path := filepath.Join(t.TempDir(), "s")
					clitest.Start(t, run, "-net", "unix", "-addr", path, "-codec", codec)
					c.talk(t, c.unix(path), small[codec])
					c.talk(t, c.unix(path), large)
				})
			}
		})
	}
}

// The commands of the help do what they say.
func TestHelpExamples(t *testing.T) {
	clients[0].look(t)
	clitest.Tool(t, "a shell", "sh")
	for _, test := range []struct{ codec, line, want string }{
		{"line", `printf 'hello\n' | nc -N 127.0.0.1 9000`, "hello\n"},
		{"raw", `printf 'hello\n' | nc -N 127.0.0.1 9000`, "hello\n"},
		{"length", `printf '\0\0\0\5hello' | nc -N 127.0.0.1 9000`, "\x00\x00\x00\x05hello"},
	} {
		t.Run(test.codec, func(t *testing.T) {
			if !strings.Contains(examples, test.line) {
				t.Fatalf("%q is not in the help", test.line)
			}
			p := clitest.Start(t, run, "-addr", "127.0.0.1:0", "-codec", test.codec)
			_, port, _ := net.SplitHostPort(p.Addr)
			line := strings.Replace(test.line, "9000", port, 1)
			out, err := exec.Command("sh", "-c", line).Output()
			if err != nil || string(out) != test.want {
				t.Errorf("%s printed %q, %v, want %q", fmt.Sprint(line), out, err, test.want)
			}
		})
	}
}
