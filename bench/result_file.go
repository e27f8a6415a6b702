//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// A resultFile is written whole or not at all: a run that is interrupted, or
// killed, leaves nothing behind, and an older result as it was.
type resultFile struct{ path string }

// newResultFile fails if the result could not be written. It leaves no file:
// nobody would remove it after a kill.
func newResultFile(path string) (*resultFile, error) {
	f := &resultFile{path}
	temp, err := f.temp()
	if err != nil {
		return nil, err
	}
	return f, errors.Join(temp.Close(), os.Remove(temp.Name()))
}

func (f *resultFile) temp() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(f.path), ".bench-*.json")
}

// keep writes the result.
func (f *resultFile) keep(result any) error {
	temp, err := f.temp()
	if err != nil {
		return err
	}
	err = errors.Join(writeJSON(temp, result), temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), f.path)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
