package pebblelog

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// SaveCursors implements msglog.Log. It does not wait for the disk: the next Append
// does, or a Sweep.
func (l *Log) SaveCursors(cursors map[string][]byte) error {
	if len(cursors) == 0 {
		return nil
	}
	now := l.now()
	return l.use(func(e *engine) error {
		b := e.db.NewBatch()
		defer b.Close()
		for session, v := range cursors {
			var err error
			if v == nil {
				err = b.Delete(cursorKey(session), nil)
			} else {
				err = b.Set(cursorKey(session), append(be.AppendUint64(nil, uint64(now)), v...), nil)
			}
			if err != nil {
				return err
			}
		}
		l.unsynced.Store(true)
		return e.commit(b, pebble.NoSync)
	})
}

// LoadCursors implements msglog.Log.
func (l *Log) LoadCursors(session string) (value []byte, err error) {
	err = l.look(func(e *engine) error {
		v, closer, err := e.db.Get(cursorKey(session))
		if errors.Is(err, pebble.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		defer closer.Close()
		if len(v) < 8 {
			return fmt.Errorf("%w: cursors of %d bytes", ErrFormat, len(v))
		}
		value = append([]byte{}, v[8:]...)
		return nil
	})
	return value, err
}

// sweepCursors removes cursors that nobody came back for, some at a time.
func (l *Log) sweepCursors(e *engine, now int64) error {
	b := e.db.NewBatch()
	defer b.Close()
	left := sweepSlice
	lower := []byte{keyCursor}
	if l.cursorAt != nil {
		lower = append(bytes.Clone(l.cursorAt), 0)
	}
	l.cursorAt = nil // from the beginning again, if the end is reached
	err := each(e.db, lower, []byte{keyCursor + 1}, func(k, v []byte) error {
		if left--; left < 0 {
			return errEnough
		}
		l.cursorAt = bytes.Clone(k)
		if len(v) < 8 || now-int64(be.Uint64(v)) > l.o.CursorAge.Milliseconds() {
			return b.Delete(k, nil)
		}
		return nil
	})
	if err == nil {
		l.cursorAt = nil
	} else if !errors.Is(err, errEnough) {
		return err
	}
	if b.Empty() {
		return nil
	}
	return e.commit(b, pebble.NoSync)
}
