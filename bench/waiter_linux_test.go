package main

import "testing"

// Old kernels, and some sandboxes, have no sleep to the nanosecond.
func TestWaiterCoarse(t *testing.T) {
	fine := waiterModes
	t.Cleanup(func() { waiterModes = fine })
	waiterModes = map[string]func(*waiter){"coarse ": func(w *waiter) { w.coarse = true }}
	TestWaiter(t)
}
