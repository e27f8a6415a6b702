package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/examples/internal/clitest"
)

func TestMisuse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("too short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const free = "-addr 127.0.0.1:0 -tcp 127.0.0.1:0 "
	clitest.Mistakes(t, "push", run, []clitest.Mistake{
		{Code: cli.Usage, Args: "-addr 0.0.0.0:0", Want: []string{"-addr", "other machines", "-secret-file", "-insecure"}},
		{Code: cli.Usage, Args: "-addr :0", Want: []string{"-addr", "other machines"}},
		{Code: cli.Usage, Args: "-tcp [::]:0", Want: []string{"-tcp", "other machines"}},
		{Code: cli.Usage, Args: "-policy newest", Want: []string{"-policy", "oldest, latest or disconnect"}},
		{Code: cli.Usage, Args: "-policy a/#/b=latest", Want: []string{"-policy"}},
		{Code: cli.Usage, Args: "-ping 0", Want: []string{"-ping must not be 0"}},
		{Code: cli.Usage, Args: "-max-message 0", Want: []string{"-max-message must not be 0"}},
		{Code: cli.Usage, Args: "-log xml", Want: []string{"-log", "text or json"}},
		{Code: cli.Usage, Args: "-log-level loud", Want: []string{"-log-level", "debug, info, warn or error"}},
		{Code: cli.Usage, Args: "-issuer me", Want: []string{"-issuer", "-secret-file"}},
		{Code: cli.Usage, Args: "-retain-count -1", Want: []string{"-retain-count", "negative"}},
		{Code: cli.Usage, Args: "serve", Want: []string{"unexpected argument"}},
		{Code: cli.Usage, Args: free + "-loops 257", Want: []string{"Loops", "256"}},
		{Code: cli.Failure, Args: "-addr " + ln.Addr().String(), Want: []string{"is in use", "choose another"}},
		{Code: cli.Failure, Args: "-addr 127.0.0.1:0 -tcp " + ln.Addr().String(), Want: []string{"-tcp", "is in use"}},
		{Code: cli.Failure, Args: free + "-secret-file /nonexistent", Want: []string{"-secret-file", "no such file"}},
		{Code: cli.Failure, Args: free + "-secret-file " + short, Want: []string{"has 9 bytes", "32"}},
		{Code: cli.Failure, Args: free + "-traces /nonexistent/file", Want: []string{"-traces", "no such file"}},
		{Code: cli.Failure, Args: free + "-data /dev/null", Want: []string{"-data"}},
		{Code: cli.Failure, Args: free + "-pprof " + ln.Addr().String(), Want: []string{"profiles"}},
	})
	clitest.Mistakes(t, "push token", run, []clitest.Mistake{
		{Code: cli.Usage, Args: "token -user ann", Want: []string{"-secret-file is needed"}},
		{Code: cli.Usage, Args: "token -secret-file " + short, Want: []string{"-user is needed"}},
		{Code: cli.Usage, Args: "token -subscribe a/#/b", Want: []string{"-subscribe"}},
		{Code: cli.Failure, Args: "token -user ann -secret-file " + short, Want: []string{"has 9 bytes"}},
	})
	clitest.Mistakes(t, "push sub", run, []clitest.Mistake{
		{Code: cli.Usage, Args: "sub", Want: []string{"0 arguments"}},
		{Code: cli.Usage, Args: "sub -qos 2 a", Want: []string{"-qos", "0 or 1"}},
		{Code: cli.Failure, Args: "sub -server http://127.0.0.1/ a", Want: []string{"URL"}},
	})
	clitest.Mistakes(t, "push pub", run, []clitest.Mistake{
		{Code: cli.Usage, Args: "pub a b", Want: []string{"2 arguments"}},
	})
}

func TestHelp(t *testing.T) {
	clitest.Help(t, run,
		"/metrics", "-policy [filter=]policy", "(default oldest)", "-log text|json", "(default 127.0.0.1:8080)",
		"chromium", "push token -secret-file", "SIGTERM")
	for command, mention := range map[string]string{"token": "-subscribe filters", "sub": "push sub -all", "pub": "push pub -qos 0"} {
		clitest.Help(t, func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
			return run(ctx, append([]string{command}, args...), stdout, stderr)
		}, mention)
	}
}

// secret makes a file with one.
func secret(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(strings.Repeat("s", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// token runs the command of that name.
func token(t testing.TB, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), append([]string{"token"}, args...), &stdout, &stderr); code != cli.OK {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}
