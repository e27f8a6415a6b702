package api_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/protocol"
)

// TestIdempotency sends everything twice.
func TestIdempotency(t *testing.T) {
	f := &fake{}
	h := newAPI(f, api.Options{Auth: people})
	send := func(body, want string, headers ...string) {
		t.Helper()
		do(t, h, request("POST", "/api/publish", body, headers...)).is(200, want)
	}
	const qos0, qos1 = `{"topic":"a/b"}`, `{"topic":"a/b","qos":1}`
	send(qos1, `{"epoch":5,"offset":1}`, "token", "ada", "Idempotency-Key", "k")
	send(qos1, `{"epoch":5,"offset":1,"duplicate":true}`, "token", "ada", "Idempotency-Key", "k")
	send(qos1, `{"epoch":5,"offset":1,"duplicate":true}`, "token", "ada", "Idempotency-Key", `"k"`)
	send(`{"topic":"a/b","qos":1,"id":"k"}`, `{"epoch":5,"offset":1,"duplicate":true}`, "token", "ada")
	send(`{"topic":"a/b","qos":1,"id":"k"}`, `{"epoch":5,"offset":1,"duplicate":true}`, "token", "ada", "Idempotency-Key", "k")
	send(qos1, `{"epoch":5,"offset":2}`, "token", "bob", "Idempotency-Key", "k")
	send(qos1, `{"epoch":5,"offset":3}`, "token", "ada")
	send(qos1, `{"epoch":5,"offset":4}`, "token", "ada")

	send(qos0, `{}`, "token", "ada", "Idempotency-Key", "k") // has its own keys
	send(qos0, `{"duplicate":true}`, "token", "ada", "Idempotency-Key", "k")
	send(qos0, `{}`, "token", "bob", "Idempotency-Key", "k")
	send(qos0, `{}`, "token", "bob", "Idempotency-Key", "k2")
	send(qos0, `{}`, "token", "bob")
	send(qos0, `{}`, "token", "bob")
	if n := len(f.all()); n != 9 {
		t.Errorf("%d messages", n)
	}
	if s := h.Stats(); s.Keys != 3 {
		t.Errorf("%+v", s)
	}
	// Twice in one batch.
	do(t, h, request("POST", "/api/batch", `{"messages":[{"topic":"a","id":"x"},{"topic":"a","id":"x"},{"topic":"a","qos":1,"id":"x"},{"topic":"a","qos":1,"id":"x"}]}`, "token", "bob")).
		is(200, `{"results":[{},{"duplicate":true},{"epoch":5,"offset":11},{"epoch":5,"offset":11,"duplicate":true}]}`)
}

func TestKeysAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failure error
		f := &fake{publish: func(context.Context, push.Publication) error { return failure }}
		h := newAPI(f, api.Options{MaxKeys: 3, KeyTTL: time.Minute})
		send := func(key, want string) {
			t.Helper()
			do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, "Idempotency-Key", key)).is(200, want)
		}
		for i := range 4 {
			send(fmt.Sprint(i), `{}`)
		}
		send("3", `{"duplicate":true}`)
		send("1", `{"duplicate":true}`)
		send("0", `{}`) // the oldest was forgotten, now 1 is
		if s := h.Stats(); s.Keys != 3 || s.KeysDropped != 2 {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Minute)
		send("3", `{}`)
		if s := h.Stats(); s.Keys != 1 || s.KeysDropped != 2 {
			t.Errorf("%+v", s)
		}
		// One that was not published is not remembered.
		failure = &push.Error{Code: protocol.CodeOverloaded, Temporary: true, Message: "busy"}
		do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, "Idempotency-Key", "f")).refused(503, protocol.CodeOverloaded, "busy")
		failure = nil
		send("f", `{}`)
		send("f", `{"duplicate":true}`)
	})
}

// TestConcurrentKeys: of those who come at the same time one publishes, and the others
// wait for what becomes of it.
func TestConcurrentKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan error)
		f := &fake{publish: func(context.Context, push.Publication) error { return <-release }}
		h := newAPI(f, api.Options{})
		var mu sync.Mutex
		var wg sync.WaitGroup
		answers := map[string]int{}
		send := func(n int) {
			for range n {
				wg.Go(func() {
					a := do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, "Idempotency-Key", "k"))
					mu.Lock()
					defer mu.Unlock()
					answers[fmt.Sprint(a.Code, " ", compact(t, a.Body.String()))]++
				})
			}
		}
		send(10)
		synctest.Wait()
		if f.groups != 1 {
			t.Fatalf("%d were published", f.groups)
		}
		release <- nil
		wg.Wait()
		if answers["200 {}"] != 1 || answers[`200 {"duplicate":true}`] != 9 {
			t.Errorf("%v", answers)
		}
	})
}

// TestCrossedBatches: two batches that have the same keys, in another order, do not wait
// for each other.
func TestCrossedBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := make(chan struct{})
		f := &fake{publish: func(context.Context, push.Publication) error { <-start; return nil }}
		h := newAPI(f, api.Options{Timeout: time.Hour})
		var wg sync.WaitGroup
		for _, body := range []string{
			`{"messages":[{"topic":"a","id":"1"},{"topic":"a","id":"2"},{"topic":"a","id":"3"}]}`,
			`{"messages":[{"topic":"a","id":"4"},{"topic":"a","id":"3"},{"topic":"a","id":"1"}]}`,
			`{"messages":[{"topic":"a","id":"5"},{"topic":"a","id":"4"},{"topic":"a","id":"1"}]}`,
		} {
			wg.Go(func() { do(t, h, request("POST", "/api/batch", body)).is(200, "") })
		}
		synctest.Wait()
		close(start)
		wg.Wait()
		if n := len(f.all()); n != 5 {
			t.Errorf("%d messages instead of 5", n)
		}
	})
}

// TestPanic: nobody waits for ever for a call that has not come to an end.
func TestPanic(t *testing.T) {
	first := true
	f := &fake{publish: func(context.Context, push.Publication) error {
		if first {
			first = false
			panic("a fault")
		}
		return nil
	}}
	h := newAPI(f, api.Options{})
	r := func() {
		do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, "Idempotency-Key", "k")).is(200, `{}`)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it has not panicked")
			}
		}()
		r()
	}()
	r()
}
