//go:build unix

package main

import (
	"os"
	"strings"
	"testing"
)

func TestReportMarkdown(t *testing.T) {
	var stdout, stderr strings.Builder
	args := []string{"report", "-o", "", "-markdown", "-", "testdata/million.json", "testdata/echo.json", "testdata/http.json"}
	if status := run(t.Context(), args, &stdout, &stderr); status != 0 {
		t.Fatal(stderr.String())
	}
	const golden = "testdata/report.md"
	if *update {
		if err := os.WriteFile(golden, []byte(stdout.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := stdout.String(); got != string(want) {
		t.Errorf("the Markdown has changed: go test ./bench -run Report -update, and look at what git diff says of %s. It is now:\n%s", golden, got)
	}
}

func TestMarkdownText(t *testing.T) {
	for text, want := range map[string]string{
		"net/http": "net/http", "a|b": `a\|b`, "<b>": "&lt;b>", "x\ny": "x y", "p_50": `p\_50`, "1<br>2": "1<br>2",
	} {
		if got := markdownText(text); got != want {
			t.Errorf("markdownText(%q) = %q, want %q", text, got, want)
		}
	}
}
