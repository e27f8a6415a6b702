package clitest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// Run is the main function of an example, without its process.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// Mistake is a command line, of words without spaces, that cannot be followed.
type Mistake struct {
	Code int // the exit status
	Args string
	Want []string // what the message mentions
}

// Mistakes checks that a program answers each mistake with one line that begins with
// its name and says what is wrong.
func Mistakes(t *testing.T, name string, run Run, mistakes []Mistake) {
	for _, m := range mistakes {
		t.Run(m.Args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), strings.Fields(m.Args), &stdout, &stderr); code != m.Code {
				t.Errorf("exit code %d, want %d", code, m.Code)
			}
			said := stderr.String()
			if strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, name+": ") {
				t.Errorf("said %q, want one line", said)
			}
			for _, w := range m.Want {
				if !strings.Contains(said, w) {
					t.Errorf("said %q, without %q", said, w)
				}
			}
		})
	}
}

// Help checks that a program that is asked for help gives it, and mentions things.
func Help(t *testing.T, run Run, mentions ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"-h"}, &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr: %s", code, &stderr)
	}
	for _, w := range mentions {
		if !strings.Contains(stdout.String(), w) {
			t.Errorf("no %q in the help:\n%s", w, &stdout)
		}
	}
}
