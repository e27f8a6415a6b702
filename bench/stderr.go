//go:build unix

package main

import (
	"io"
	"os"
	"sync"
)

// shared makes w fit to be the standard error of several children at a time. A
// file is as it is, and children write to it without the help of this process.
func shared(w io.Writer) io.Writer {
	if _, ok := w.(*os.File); ok {
		return w
	}
	return &lockedWriter{w: w}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
