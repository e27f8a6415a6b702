//go:build unix

package main

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// waiterModes are the ways in which a waiter can wait here.
var waiterModes = map[string]func(*waiter){"": func(*waiter) {}}

func TestWaiter(t *testing.T) {
	for name, set := range waiterModes {
		for _, modest := range []bool{false, true} {
			w, err := newWaiter()
			if err != nil {
				t.Fatal(err)
			}
			defer w.close()
			set(w)
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pair[1])
			expect := func(what string, timeout time.Duration, readable, writable bool) {
				t.Helper()
				n := 0
				for end := time.Now().Add(timeout); n == 0; { // a signal may end a wait
					if n, err = w.wait(max(0, time.Until(end)), modest); err != nil {
						t.Fatal(err)
					}
					if time.Now().After(end) {
						break
					}
				}
				if n == 0 {
					if readable || writable {
						t.Errorf("%s%v, %s: nothing", name, modest, what)
					}
					return
				}
				if i, r, o := w.event(0); n != 1 || i != 3 || r != readable || o != writable {
					t.Errorf("%s%v, %s: %d events, index %d, readable %v, writable %v", name, modest, what, n, i, r, o)
				}
			}
			if err := w.add(pair[0], 3, true); err != nil {
				t.Fatal(err)
			}
			expect("new", 10*time.Second, false, true)
			if err := w.modify(pair[0], 3, false); err != nil {
				t.Fatal(err)
			}
			expect("not to be written", 0, false, false)
			expect("for a moment", 100*time.Microsecond, false, false)
			expect("for longer", 3*time.Millisecond, false, false)
			if _, err := unix.Write(pair[1], []byte("x")); err != nil {
				t.Fatal(err)
			}
			expect("written", 10*time.Second, true, false)
			expect("still", 0, true, false)
			w.remove(3)
			unix.Close(pair[0])
			expect("closed", 0, false, false)
		}
	}
}
