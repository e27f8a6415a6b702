package api_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/protocol"
)

func TestPublish(t *testing.T) {
	for _, test := range []struct {
		name, body, answer string
		want               push.Publication
	}{
		{"text", `{"topic":"a/b","data":"hello"}`, `{}`,
			push.Publication{Topic: "a/b", Data: []byte("hello")}},
		{"logged", `{"topic":"a/b","data":"é\n","qos":1,"ttl":60}`, `{"epoch":5,"offset":1}`,
			push.Publication{Topic: "a/b", Data: []byte("é\n"), QoS: 1, TTL: time.Minute}},
		{"bytes", `{"topic":"a","base64":"/wA="}`, `{}`, push.Publication{Topic: "a", Data: []byte{255, 0}}},
		{"nothing", `{"topic":"a"}`, `{}`, push.Publication{Topic: "a"}},
		{"empty", `{"topic":"a","data":""}`, `{}`, push.Publication{Topic: "a", Data: []byte{}}},
		{"id", `{"topic":"a","qos":1,"id":"7"}`, `{"epoch":5,"offset":1}`, push.Publication{Topic: "a", QoS: 1, MessageID: "7"}},
		{"nulls", `{"topic":"a","data":null,"base64":null,"qos":null}`, `{}`, push.Publication{Topic: "a"}},
		{"longest ttl", `{"topic":"a","ttl":4294967295}`, `{}`, push.Publication{Topic: "a", TTL: 4294967295 * time.Second}},
		{"space", " {\n\"topic\" : \"a\" } \n", `{}`, push.Publication{Topic: "a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fake{}
			do(t, newAPI(f, api.Options{}), request("POST", "/api/publish", test.body)).is(200, test.answer)
			test.want.Publisher = "anonymous"
			if got := f.all(); len(got) != 1 || !reflect.DeepEqual(got[0], test.want) {
				t.Fatalf("%+v", got)
			}
		})
	}
}

func TestPublishRefused(t *testing.T) {
	const ok = `{"topic":"a"}`
	for _, test := range []struct {
		name, body string
		headers    []string
		status     int
		code       protocol.Code
		part       string
	}{
		{"nothing", "", nil, 415, 100, "application/json"},
		{"no type", ok, []string{"Content-Type", ""}, 415, 100, "application/json"},
		{"a form", ok, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, 100, "application/json"},
		{"text", ok, []string{"Content-Type", "text/plain"}, 415, 100, "application/json"},
		{"JSON in a parameter", ok, []string{"Content-Type", "text/plain; application/json"}, 415, 100, "application/json"},
		{"another charset", ok, []string{"Content-Type", "application/json; charset=utf-16"}, 415, 100, "application/json"},
		{"compressed", ok, []string{"Content-Encoding", "gzip"}, 415, 100, "Content-Encoding"},
		{"empty", " ", nil, 400, 100, "empty"},
		{"cut", `{"topic":"a"`, nil, 400, 100, "too early"},
		{"no JSON", `topic=a`, nil, 400, 100, "not JSON"},
		{"a list", `[]`, nil, 400, 100, "it is: array"},
		{"two", ok + ok, nil, 400, 100, "behind"},
		{"misspelt", `{"topic":"a","date":"x"}`, nil, 400, 100, `unknown field "date", known are topic, data, base64, qos, ttl, id`},
		{"topic is a number", `{"topic":1}`, nil, 400, 100, "topic has to be a string, it is: number"},
		{"data is an object", `{"topic":"a","data":{"x":1}}`, nil, 400, 100, "data has to be a string, it is: object (JSON goes into it as text)"},
		{"qos is a string", `{"topic":"a","qos":"1"}`, nil, 400, 100, "qos has to be a whole number from 0 on, and not too large, it is: string"},
		{"qos is negative", `{"topic":"a","qos":-1}`, nil, 400, 100, "it is: number -1"},
		{"ttl is a fraction", `{"topic":"a","ttl":1.5}`, nil, 400, 100, "it is: number 1.5"},
		{"ttl is huge", `{"topic":"a","ttl":4294967296}`, nil, 400, 100, "ttl"},
		{"both", `{"topic":"a","data":"x","base64":"eA=="}`, nil, 400, 100, "both"},
		{"bad base64", `{"topic":"a","base64":"x"}`, nil, 400, 100, "base64"},
		{"qos 2", `{"topic":"a","qos":2}`, nil, 400, protocol.CodeQoS, "0 or 1"},
		{"no topic", `{"data":"x"}`, nil, 400, protocol.CodeTopic, "missing"},
		{"a filter", `{"topic":"a/+"}`, nil, 400, protocol.CodeTopic, ""},
		{"a long topic", `{"topic":"` + strings.Repeat("a", 256) + `"}`, nil, 400, protocol.CodeTopic, ""},
		{"the server's topic", `{"topic":"$weir/stats"}`, nil, 403, protocol.CodeForbidden, "$"},
		{"a long id", `{"topic":"a","id":"` + strings.Repeat("a", 256) + `"}`, nil, 400, 100, "255"},
		{"a long key", ok, []string{"Idempotency-Key", strings.Repeat("a", 256)}, 400, 100, "255"},
		{"an empty key", ok, []string{"Idempotency-Key", ""}, 400, 100, "one key"},
		{"two keys", ok, []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, 400, 100, "one key"},
		{"key and id differ", `{"topic":"a","id":"x"}`, []string{"Idempotency-Key", "y"}, 400, 100, "differ"},
		{"a large body", `{"topic":"a","data":"` + strings.Repeat("a", 1000) + `"}`, nil, 413, protocol.CodeTooLarge, "1000 bytes"},
		{"a large body of space", strings.Repeat(" ", 1001), nil, 413, protocol.CodeTooLarge, "1000 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &fake{}
			r := request("POST", "/api/publish", test.body)
			for i := 0; i < len(test.headers); i += 2 {
				if r.Header.Del("Content-Type"); test.headers[i] != "Content-Type" {
					r.Header.Set("Content-Type", "application/json; charset=UTF-8")
				}
				r.Header.Add(test.headers[i], test.headers[i+1])
			}
			do(t, newAPI(f, api.Options{MaxBody: 1000}), r).refused(test.status, test.code, test.part)
			if len(f.all()) > 0 {
				t.Error("published")
			}
		})
	}
}

// TestServerErrors: what the server refuses has the fitting status.
func TestServerErrors(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		code   protocol.Code
		after  string
		part   string
	}{
		{&push.Error{Code: protocol.CodeTooLarge, Message: "too large"}, 413, protocol.CodeTooLarge, "", "too large"},
		{&push.Error{Code: protocol.CodeTopic, Message: "topic"}, 400, protocol.CodeTopic, "", "topic"},
		{&push.Error{Code: protocol.CodeForbidden, Message: "no"}, 403, protocol.CodeForbidden, "", "no"},
		{&push.Error{Code: protocol.CodeUnavailable, Message: "disk full", Temporary: true, RetryAfter: 1500 * time.Millisecond}, 503, protocol.CodeUnavailable, "2", "disk full"},
		{&push.Error{Code: protocol.CodeOverloaded, Message: "busy", Temporary: true}, 503, protocol.CodeOverloaded, "1", "busy"},
		{&push.Error{Code: protocol.CodeGoingAway, Message: "bye", Temporary: true, Err: push.ErrServerClosed}, 503, protocol.CodeGoingAway, "1", "bye"},
		{push.ErrServerClosed, 503, protocol.CodeGoingAway, "1", "shuts down"},
		{&push.Error{Code: protocol.CodeInternal, Message: "oops"}, 500, protocol.CodeInternal, "", "oops"},
		{errors.New("secret detail"), 500, protocol.CodeInternal, "", "a fault of the server"},
	} {
		f := &fake{publish: func(context.Context, push.Publication) error { return test.err }}
		h := newAPI(f, api.Options{})
		a := do(t, h, request("POST", "/api/publish", `{"topic":"a","qos":1}`)).refused(test.status, test.code, test.part)
		if got := a.Header().Get("Retry-After"); got != test.after {
			t.Errorf("%v: Retry-After %q", test.err, got)
		}
		if strings.Contains(a.Body.String(), "secret") {
			t.Error(a.Body)
		}
	}
}

func TestPublishTimeout(t *testing.T) {
	f := &fake{publish: func(ctx context.Context, _ push.Publication) error { <-ctx.Done(); return ctx.Err() }}
	do(t, newAPI(f, api.Options{Timeout: time.Millisecond}), request("POST", "/api/publish", `{"topic":"a","qos":1}`)).
		refused(503, protocol.CodeTimeout, "Idempotency-Key")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	do(t, newAPI(f, api.Options{}), request("POST", "/api/publish", `{"topic":"a","qos":1}`).WithContext(ctx)).
		refused(503, protocol.CodeTimeout, "Idempotency-Key")
}

func TestBatch(t *testing.T) {
	f := &fake{publish: func(_ context.Context, p push.Publication) error {
		if p.Topic == "a/full" {
			return &push.Error{Code: protocol.CodeUnavailable, Message: "full", Temporary: true, RetryAfter: time.Second}
		}
		return nil
	}}
	h := newAPI(f, api.Options{Auth: people})
	body := `{"messages":[
		{"topic":"a/1","data":"x","qos":1},
		{"topic":"b","data":"x"},
		{"topic":"a/full","qos":1},
		{"topic":"a/2","qos":2},
		{"topic":"a/3","data":"y"},
		{"topic":"a/4","qos":1,"id":"own"}]}`
	do(t, h, request("POST", "/api/batch", body, "token", "ada", "Idempotency-Key", "k")).is(200, `{"results":[
		{"epoch":5,"offset":1},
		{"error":{"code":203,"name":"forbidden","message":"the token does not allow to publish to b","temporary":false}},
		{"error":{"code":300,"name":"unavailable","message":"full","temporary":true,"retry_after":1000}},
		{"error":{"code":106,"name":"qos","message":"qos is 0 or 1","temporary":false}},
		{},
		{"epoch":5,"offset":3}]}`)
	var ids []string
	for _, p := range f.all() {
		if ids = append(ids, p.MessageID); p.Publisher != "ada" {
			t.Errorf("%+v", p)
		}
	}
	if !reflect.DeepEqual(ids, []string{"k/0", "k/4", "own"}) || f.groups != 1 {
		t.Errorf("%q, %d groups", ids, f.groups)
	}
	do(t, h, request("POST", "/api/batch", body, "token", "ada", "Idempotency-Key", "k")).is(200, `{"results":[
		{"epoch":5,"offset":1,"duplicate":true},
		{"error":{"code":203,"name":"forbidden","message":"the token does not allow to publish to b","temporary":false}},
		{"error":{"code":300,"name":"unavailable","message":"full","temporary":true,"retry_after":1000}},
		{"error":{"code":106,"name":"qos","message":"qos is 0 or 1","temporary":false}},
		{"duplicate":true},
		{"epoch":5,"offset":3,"duplicate":true}]}`)
	if s := h.Stats(); s.Forbidden != 2 || s.Failed != 2 || s.Requests != 2 || s.Keys != 1 {
		t.Errorf("%+v", s)
	}

	limited := newAPI(&fake{}, api.Options{MaxBatch: 2, MaxBatchBody: 100})
	for _, test := range []struct {
		body   string
		status int
		code   protocol.Code
		part   string
	}{
		{`{"messages":[]}`, 400, 100, "missing or empty"},
		{`{}`, 400, 100, "missing or empty"},
		{`[]`, 400, 100, "object"},
		{`{"messages":{}}`, 400, 100, "messages has to be a list, it is: object"},
		{`{"messages":["x"]}`, 400, 100, "an object, it is: string"},
		{`{"messages":[{"topics":"a"}]}`, 400, 100, `unknown field "topics", known are messages, and in each of them topic, data`},
		{`{"messages":[{"qos":"x"}]}`, 400, 100, "messages.qos"},
		{`{"messages":[{},{},{}]}`, 413, 103, "up to 2 messages, not 3"},
		{`{"messages":[{"data":"` + strings.Repeat("x", 100) + `"}]}`, 413, 103, "100 bytes"},
	} {
		do(t, limited, request("POST", "/api/batch", test.body)).refused(test.status, test.code, test.part)
	}
}

var _ http.Handler = (*api.Handler)(nil)
