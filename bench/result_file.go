//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// A resultFile is written whole or not at all: an interrupted run leaves nothing
// behind, and an older result as it was.
type resultFile struct {
	path string
	temp *os.File
}

func newResultFile(path string) (*resultFile, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".bench-*.json")
	if err != nil {
		return nil, err
	}
	return &resultFile{path: path, temp: f}, nil
}

// keep writes the result.
func (f *resultFile) keep(result any) error {
	err := writeJSON(f.temp, result)
	err = errors.Join(err, f.temp.Chmod(0o644), f.temp.Close())
	if err == nil {
		err = os.Rename(f.temp.Name(), f.path)
	}
	return err
}

// discard removes what was not kept.
func (f *resultFile) discard() {
	f.temp.Close()
	os.Remove(f.temp.Name())
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
