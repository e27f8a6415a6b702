package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"
)

type responseKey struct{}

// The context ends when the client goes away, for those who wait and those who ask.
func TestContextEndsWithTheClient(t *testing.T) {
	type key struct{}
	for _, tc := range []struct {
		name string
		wait func(ctx context.Context) // for the end of the context
	}{
		{"Done", func(ctx context.Context) { <-ctx.Done() }},
		{"Err", func(ctx context.Context) {
			for ctx.Err() == nil {
				runtime.Gosched()
			}
		}},
		{"AfterFunc", func(ctx context.Context) {
			ended := make(chan struct{})
			context.AfterFunc(ctx, func() { close(ended) })
			<-ended
		}},
		{"CloseNotify", func(ctx context.Context) {
			<-ctx.Value(responseKey{}).(interface{ CloseNotify() <-chan bool }).CloseNotify()
		}},
		{"child", func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(context.WithValue(ctx, key{}, 1), time.Hour)
			defer cancel()
			<-ctx.Done()
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachPoolMode(t, func(t *testing.T, m mode) {
				begun, ended := make(chan struct{}), make(chan error, 1)
				addr, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
					if err := r.Context().Err(); err != nil {
						t.Errorf("at first: %v", err)
					}
					close(begun)
					tc.wait(context.WithValue(r.Context(), responseKey{}, w))
					ended <- r.Context().Err()
				})
				c := dial(t, addr)
				io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
				receive(t, begun, "the handler")
				c.Close()
				if err := receive(t, ended, "the end of the context"); !errors.Is(err, context.Canceled) {
					t.Errorf("Err is %v", err)
				}
			})
		})
	}
}

// The context ends when the handler returns, and with it what hangs on it; that of
// the next request is another.
func TestContextEndsWithTheHandler(t *testing.T) {
	contexts := make(chan context.Context, 10)
	after := make(chan struct{}, 10)
	addr, _ := serveStd(t, pool, func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		switch r.URL.Path {
		case "/done":
			ctx.Done()
		case "/child":
			child, cancel := context.WithCancel(ctx)
			t.Cleanup(cancel) // not before its parent
			ctx = child
		case "/after":
			context.AfterFunc(ctx, func() { after <- struct{}{} })
			stop := context.AfterFunc(ctx, func() { t.Error("a stopped function runs") })
			if !stop() || stop() {
				t.Error("stop does not tell whether it has stopped the function")
			}
		}
		if ctx.Err() != nil {
			t.Errorf("%s begins with %v", r.URL.Path, ctx.Err())
		}
		contexts <- ctx
	})
	c := dial(t, addr)
	r := bufio.NewReader(c)
	for _, path := range []string{"/", "/done", "/child", "/after", "/done"} {
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		if _, err := readAnswer(r, "GET"); err != nil {
			t.Fatal(err)
		}
		ctx := receive(t, contexts, "the context")
		receive(t, ctx.Done(), "its end")
		if ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled {
			t.Errorf("%s ends with %v", path, ctx.Err())
		}
		late := make(chan struct{})
		context.AfterFunc(ctx, func() { close(late) })
		receive(t, late, "a function that comes late")
	}
	receive(t, after, "the function")
}

// Contexts derived from a request's need no goroutine.
func TestChildrenNeedNoGoroutine(t *testing.T) {
	addr, _ := serveStd(t, pool, func(w http.ResponseWriter, r *http.Request) {
		before := runtime.NumGoroutine()
		for range 100 {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			ctx.Done()
		}
		fmt.Fprint(w, runtime.NumGoroutine()-before < 50)
	})
	if got := converse(t, addr, []string{get}, whole); !contains(got, `body "true"`) {
		t.Error(got)
	}
}

// All that can happen at once, for the race detector.
func TestContextInParallel(t *testing.T) {
	addr, _ := serveStd(t, pool, func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				child, cancel := context.WithCancel(ctx)
				context.AfterFunc(child, func() {})
				ctx.Err()
				ctx.Value(http.LocalAddrContextKey)
				cancel()
				<-child.Done()
			})
		}
		wg.Wait()
		go func() { // after the handler's end, or before
			<-ctx.Done()
			ctx.Err()
		}()
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				converse(t, addr, []string{get}, whole)
			}
		})
	}
	wg.Wait()
}
