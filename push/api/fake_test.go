package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// fake is a Server that keeps what is published, and answers what it is told to.
type fake struct {
	mu        sync.Mutex
	published []push.Publication
	seen      map[string]push.Receipt // QoS 1, by publisher and id
	groups    int
	trace     context.Context // of the last PublishAll

	publish    func(ctx context.Context, p push.Publication) error
	history    map[string]push.History
	err        error
	presences  protocol.Presence
	topicList  []push.TopicStats
	clientList []push.ClientStats
	snapshot   push.Stats
	ended      []string
}

func (f *fake) PublishAll(ctx context.Context, ps []push.Publication) (receipts []push.Receipt, errs []error) {
	f.mu.Lock()
	f.groups++
	f.trace = ctx
	f.mu.Unlock()
	receipts, errs = make([]push.Receipt, len(ps)), make([]error, len(ps))
	failed := false
	for i, p := range ps {
		if f.publish != nil {
			errs[i] = f.publish(ctx, p)
		}
		if errs[i] != nil {
			failed = true
			continue
		}
		receipts[i] = f.keep(p)
	}
	if !failed {
		errs = nil
	}
	return receipts, errs
}

func (f *fake) keep(p push.Publication) (r push.Receipt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.QoS == protocol.AtMostOnce {
		f.published = append(f.published, p)
		return r
	}
	key := p.Publisher + "\x00" + p.MessageID
	if r, ok := f.seen[key]; ok && p.MessageID != "" {
		r.Duplicate = true
		return r
	}
	f.published = append(f.published, p)
	r = push.Receipt{Epoch: 5, Offset: uint64(len(f.published))}
	if f.seen == nil {
		f.seen = map[string]push.Receipt{}
	}
	f.seen[key] = r
	return r
}

func (f *fake) History(topic string, after uint64, limit int) (push.History, error) {
	h := f.history[topic]
	var list []*msglog.Record
	h.Next = after
	for _, r := range h.Records {
		if r.Offset > after && len(list) < limit {
			list = append(list, r)
			h.Next = r.Offset
		}
	}
	h.Records = list
	return h, f.err
}

func (f *fake) Presence(topic string) (protocol.Presence, error) { return f.presences, f.err }

func (f *fake) Topics(prefix, after string, limit int) (list []push.TopicStats, err error) {
	for _, t := range f.topicList {
		if strings.HasPrefix(t.Name, prefix) && t.Name > after && len(list) < limit {
			list = append(list, t)
		}
	}
	return list, f.err
}

func (f *fake) Clients(limit int) []push.ClientStats {
	return f.clientList[:min(limit, len(f.clientList))]
}

func (f *fake) Disconnect(user, session string, code protocol.Code) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = append(f.ended, user+"|"+session+"|"+code.String())
	return len(f.ended)
}

func (f *fake) Stats() push.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snapshot
}

func (f *fake) all() []push.Publication {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]push.Publication(nil), f.published...)
}

// tokens is an Authenticator: a token is the name of one of them.
type tokens map[string]*push.Identity

func (t tokens) Authenticate(token string) (*push.Identity, error) {
	switch id := t[token]; {
	case id != nil:
		return id, nil
	case token == "expired":
		return nil, push.ErrExpired
	case token == "revoked":
		return nil, push.ErrRevoked
	}
	return nil, http.ErrNoCookie // any other
}

var people = tokens{
	"ada":  {User: "ada", Publish: []string{"a/#"}, Subscribe: []string{"a/+"}},
	"bob":  {User: "bob", Publish: []string{"#"}, Subscribe: []string{"#"}},
	"op":   {User: "op", API: true},
	"none": {},
}

func newAPI(f *fake, o api.Options) *api.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return api.New(f, o)
}

// request is one; body is JSON if it is not empty. headers are names and values.
func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "localhost:8080"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		switch headers[i] {
		case "Host":
			r.Host = headers[i+1]
		case "token":
			r.Header.Set("Authorization", "Bearer "+headers[i+1])
		default:
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	return r
}

// answer is a response.
type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

func do(t testing.TB, h http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if ct := w.Header().Get("Content-Type"); ct != "application/json" || !json.Valid(w.Body.Bytes()) {
		t.Fatalf("%s %s: %d, %s:\n%s", r.Method, r.URL, w.Code, ct, w.Body)
	}
	return answer{w, t}
}

// is fails unless the response is as it should be. body is compared as JSON.
func (a answer) is(status int, body string) answer {
	a.t.Helper()
	if a.Code != status || body != "" && compact(a.t, a.Body.String()) != compact(a.t, body) {
		a.t.Fatalf("%d %s\ninstead of\n%d %s", a.Code, a.Body, status, body)
	}
	return a
}

// refused fails unless the response is an error with a code and a part of the message.
func (a answer) refused(status int, code protocol.Code, part string) answer {
	a.t.Helper()
	var body struct {
		Error struct {
			Code      protocol.Code
			Name      string
			Message   string
			Temporary bool
		}
	}
	if err := json.Unmarshal(a.Body.Bytes(), &body); err != nil {
		a.t.Fatal(err)
	}
	e := body.Error
	if a.Code != status || e.Code != code || e.Name != code.String() || !strings.Contains(e.Message, part) {
		a.t.Fatalf("%d %s\ninstead of %d, %d, about %q", a.Code, a.Body, status, code, part)
	}
	if (a.Header().Get("Retry-After") != "") != e.Temporary || (a.Header().Get("WWW-Authenticate") != "") != (status == 401) {
		a.t.Fatalf("headers %v", a.Header())
	}
	return a
}

// compact has the members of objects in order, and no space.
func compact(t testing.TB, s string) string {
	t.Helper()
	var v any
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, s)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
