//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// The recorded results can be read by the report of today.
func TestRecordedResults(t *testing.T) {
	files, err := filepath.Glob("results/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded results: %v", err)
	}
	page := makeReport(t, append([]string{"-mixed"}, files...)...)
	for _, want := range []string{"1,000,000 connections", "goroutine", "<svg"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page of %q", want, files)
		}
	}
}
