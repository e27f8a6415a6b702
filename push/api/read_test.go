package api_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

func TestHistory(t *testing.T) {
	f := &fake{history: map[string]push.History{
		"a": {Extent: msglog.Extent{Epoch: 9, First: 3, Last: 5}, Records: []*msglog.Record{
			{Offset: 3, Time: 1000, Data: []byte("three <&>")},
			{Offset: 4, Time: 1001, Data: []byte{0xff}},
			{Offset: 5, Time: 1002, Expires: 2000},
		}},
	}}
	const (
		three = `{"offset":3,"time":1000,"data":"three <&>"}`
		four  = `{"offset":4,"time":1001,"base64":"/w=="}`
		five  = `{"offset":5,"time":1002,"expires":2000,"data":""}`
	)
	h := newAPI(f, api.Options{})
	for _, test := range []struct {
		query     string
		next      int
		recovered bool
		messages  []string
	}{
		{"topic=a", 5, false, []string{three, four, five}}, // 1 and 2 are gone
		{"topic=a&after=2", 5, true, []string{three, four, five}},
		{"topic=a&after=2&epoch=9", 5, true, []string{three, four, five}},
		{"topic=a&after=2&limit=1", 3, true, []string{three}},
		{"topic=a&after=3&epoch=9", 5, true, []string{four, five}},
		{"topic=a&after=5&epoch=9", 5, true, nil},
		{"topic=a&after=5", 5, true, nil},
		{"topic=a&after=4&epoch=8", 5, false, []string{three, four, five}}, // another epoch: from the beginning
		{"topic=a&after=6", 5, false, []string{three, four, five}},         // beyond the end: it was another one
	} {
		t.Run(test.query, func(t *testing.T) {
			do(t, h, request("GET", "/api/history?"+test.query, "")).is(200, fmt.Sprintf(
				`{"topic":"a","epoch":9,"first":3,"last":5,"next":%d,"recovered":%v,"messages":[%s]}`,
				test.next, test.recovered, strings.Join(test.messages, ",")))
		})
	}
	do(t, h, request("GET", "/api/history?topic=new", "")).is(200,
		`{"topic":"new","epoch":0,"first":1,"last":0,"next":0,"recovered":true,"messages":[]}`)
	do(t, h, request("GET", "/api/history?topic=new&after=7&epoch=3", "")).is(200,
		`{"topic":"new","epoch":0,"first":1,"last":0,"next":0,"recovered":false,"messages":[]}`)

	for query, part := range map[string]string{
		"topic=a&after=-1":                   "after",
		"topic=a&after=x":                    "after",
		"topic=a&after=9007199254740992":     "1<<53",
		"topic=a&epoch=1.5":                  "epoch",
		"topic=a&limit=0":                    "1 to 1000",
		"topic=a&limit=1001":                 "1 to 1000",
		"topic=a&offset=1":                   `unknown parameter "offset", known are topic, after, limit, epoch`,
		"topic=a&topic=b":                    "2 times",
		"topic=%zz":                          "query",
		"topic=a;b=c":                        "query",
		"topic=a&limit=99999999999999999999": "1 to 1000",
	} {
		do(t, h, request("GET", "/api/history?"+query, "")).refused(400, protocol.CodeMalformed, part)
	}
	do(t, h, request("GET", "/api/history", "")).refused(400, protocol.CodeTopic, "missing")
	do(t, h, request("GET", "/api/history?topic=a/%23", "")).refused(400, protocol.CodeTopic, "")
	f.err = &push.Error{Code: protocol.CodeUnavailable, Temporary: true, Message: "later"}
	do(t, h, request("GET", "/api/history?topic=a", "")).refused(503, protocol.CodeUnavailable, "later")
}

func TestLists(t *testing.T) {
	f := &fake{presences: protocol.Presence{Count: 3, Clients: []string{"ada", "bob"}, Truncated: true}}
	for i := range 5 {
		f.topicList = append(f.topicList, push.TopicStats{Name: fmt.Sprint("t/", i)})
		f.clientList = append(f.clientList, push.ClientStats{Session: fmt.Sprint("s", i)})
	}
	h := newAPI(f, api.Options{MaxLimit: 4})
	do(t, h, request("GET", "/api/presence?topic=a", "")).is(200, `{"topic":"a","count":3,"clients":["ada","bob"],"truncated":true}`)
	f.presences = protocol.Presence{}
	do(t, h, request("GET", "/api/presence?topic=a", "")).is(200, `{"topic":"a","count":0,"clients":[]}`)

	names := func(query string) string {
		a := do(t, h, request("GET", "/api/topics?"+query, "")).is(200, "")
		var list []string
		for part := range strings.SplitSeq(a.Body.String(), `"name":"`) {
			if name, _, ok := strings.Cut(part, `"`); ok && strings.HasPrefix(name, "t/") {
				list = append(list, name)
			}
		}
		if strings.Contains(a.Body.String(), `"next":"`) {
			list = append(list, "...")
		}
		return strings.Join(list, " ")
	}
	for query, want := range map[string]string{
		"limit=2":             "t/0 t/1 ...",
		"limit=2&after=t/1":   "t/2 t/3 ...",
		"limit=2&after=t/3":   "t/4",
		"prefix=x":            "",
		"":                    "t/0 t/1 t/2 t/3 ...",
		"prefix=t/4&limit=4":  "t/4",
		"prefix=t/&after=t/4": "",
	} {
		if got := names(query); got != want {
			t.Errorf("%s: %s instead of %s", query, got, want)
		}
	}
	do(t, h, request("GET", "/api/topics?prefix=x", "")).is(200, `{"topics":[]}`)
	do(t, h, request("GET", "/api/topics?limit=5", "")).refused(400, 100, "1 to 4")
	if a := do(t, h, request("GET", "/api/clients?limit=1", "")).is(200, ""); !strings.Contains(a.Body.String(), `"session":"s0"`) || strings.Contains(a.Body.String(), `"session":"s1"`) {
		t.Error(a.Body)
	}
	f.clientList = nil
	do(t, h, request("GET", "/api/clients", "")).is(200, `{"clients":[]}`)
	f.snapshot.Published = 42
	if a := do(t, h, request("GET", "/api/stats", "")).is(200, ""); !strings.Contains(a.Body.String(), `"published":42`) {
		t.Error(a.Body)
	}
	do(t, h, request("GET", "/api/stats?x=1", "")).refused(400, 100, "unknown parameter")
}

func TestDisconnect(t *testing.T) {
	f := &fake{}
	var revoked []string
	var failure error
	h := newAPI(f, api.Options{Revoke: func(user string) error { revoked = append(revoked, user); return failure }})
	do(t, h, request("POST", "/api/disconnect", `{"user":"ada"}`)).is(200, `{"disconnected":1}`)
	do(t, h, request("POST", "/api/disconnect", `{"session":"s"}`)).is(200, `{"disconnected":2}`)
	do(t, h, request("POST", "/api/disconnect", `{"user":"ada","session":"s"}`)).is(200, `{"disconnected":3}`)
	do(t, h, request("POST", "/api/disconnect", `{"user":"bob","revoke":true}`)).is(200, `{"disconnected":4}`)
	want := []string{"ada||disconnected", "|s|disconnected", "ada|s|disconnected", "bob||revoked"}
	if !slices.Equal(f.ended, want) || !slices.Equal(revoked, []string{"bob"}) {
		t.Fatalf("%q, %q", f.ended, revoked)
	}
	do(t, h, request("POST", "/api/disconnect", `{}`)).refused(400, 100, "user or session")
	do(t, h, request("POST", "/api/disconnect", `{"session":"s","revoke":true}`)).refused(400, 100, "needs a user")
	do(t, h, request("POST", "/api/disconnect", `{"user":"x","revoke":"yes"}`)).refused(400, 100, "true or false")
	failure = errors.New("full")
	do(t, h, request("POST", "/api/disconnect", `{"user":"x","revoke":true}`)).refused(503, protocol.CodeUnavailable, "nobody was disconnected")
	do(t, newAPI(f, api.Options{}), request("POST", "/api/disconnect", `{"user":"x","revoke":true}`)).refused(501, protocol.CodeUnexpected, "cannot revoke")
	if len(f.ended) != 4 {
		t.Errorf("%q", f.ended)
	}
}

func TestHealth(t *testing.T) {
	f := &fake{}
	var own error
	h := newAPI(f, api.Options{Health: func() error { return own }})
	healthy := func(part string) {
		t.Helper()
		a := do(t, h, request("GET", "/health", "", "Host", "10.0.0.7"))
		if part == "" {
			a.is(200, `{"status":"ok"}`)
		} else {
			a.refused(503, protocol.CodeUnavailable, part)
		}
	}
	log := func(appended, failed uint64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.snapshot.Log.Appended, f.snapshot.AppendFailed = appended, failed
	}
	healthy("")
	log(0, 3)
	healthy("cannot be stored")
	healthy("cannot be stored")
	log(1, 3)
	healthy("")
	log(2, 5) // some could
	healthy("")
	log(2, 6)
	healthy("cannot be stored")
	log(3, 6)
	healthy("")
	own = errors.New("draining")
	healthy("draining")
	own = nil
	healthy("")

	// Without messages it is no news, after a while.
	now := time.Now()
	log(3, 7)
	for after, well := range []bool{false, false, false, true} {
		if got := h.Unhealthy(now.Add(time.Duration(after) * 10 * time.Second)); (got == "") != well {
			t.Errorf("after %d s: %q", 10*after, got)
		}
	}
	f.err = push.ErrServerClosed
	do(t, h, request("GET", "/api/history?topic=a", "")).refused(503, protocol.CodeGoingAway, "shuts down")
	healthy("shuts down")
}
