package auth

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// watched is a file that is read again when it has changed. There is no goroutine for
// it: those who need what is in it look, at most every so often.
type watched struct {
	path   string
	load   func(b []byte) error // takes what is in the file, or leaves all as it was
	max    int64                // bytes
	every  time.Duration
	logger *slog.Logger

	next     atomic.Int64 // Unix time in nanoseconds, when to look again
	failures atomic.Uint64

	mu      sync.Mutex
	seen    os.FileInfo // of what was read
	fresh   bool        // so young that it may change without a later time
	failing string      // the error that was logged last; "": all is well
}

// granularity is what times of files may be rounded to.
const granularity = 2 * time.Second

// check reads the file if it has changed and it is time to look. While one does, the
// others go on with what there was.
func (w *watched) check(now time.Time) {
	if now.UnixNano() < w.next.Load() || !w.mu.TryLock() {
		return
	}
	defer w.mu.Unlock()
	w.next.Store(now.Add(w.every).UnixNano())
	err := w.readChanged()
	switch {
	case err != nil:
		w.failures.Add(1)
		if w.failing != err.Error() {
			w.failing = err.Error()
			w.logger.Error("auth: a file cannot be used, what was read before holds on",
				slog.String("file", w.path), slog.Any("error", err))
		}
	case w.failing != "":
		w.failing = ""
		w.logger.Info("auth: a file can be used again", slog.String("file", w.path))
	}
}

// read reads the file for the first time.
func (w *watched) read() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.readChanged()
}

func (w *watched) readChanged() error {
	info, err := os.Stat(w.path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", w.path)
	}
	if w.seen != nil && !w.fresh && os.SameFile(w.seen, info) &&
		info.Size() == w.seen.Size() && info.ModTime().Equal(w.seen.ModTime()) {
		return nil
	}
	f, err := os.Open(w.path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, w.max+1))
	if err != nil {
		return err
	}
	if int64(len(b)) > w.max {
		return fmt.Errorf("%s has more than %d bytes", w.path, w.max)
	}
	if err := w.load(b); err != nil {
		return fmt.Errorf("%s: %w", w.path, err)
	}
	w.seen, w.fresh = info, time.Since(info.ModTime()) < granularity
	return nil
}
