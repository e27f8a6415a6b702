package api_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/topic"
)

// FuzzPublish: whatever the body, the answer is JSON; and what is published is valid, and
// what the body says.
func FuzzPublish(f *testing.F) {
	for _, s := range []string{
		`{"topic":"a/b","data":"hello","qos":1,"ttl":60,"id":"7"}`,
		`{"topic":"a","base64":"/wA="}`,
		`{"topic":"a","data":"x","base64":"eA=="}`,
		`{"topic":"$weir/stats"}`,
		`{"topic":"a/#","qos":2}`,
		`{"topic":"\u0000","ttl":-1}`,
		`[{"topic":"a"}]`, `{`, ``, `null`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		server := &fake{}
		h := newAPI(server, api.Options{MaxBody: 4096})
		r := httptest.NewRequest("POST", "/api/publish", strings.NewReader(body))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		a := do(t, h, r)
		got := server.all()
		switch a.Code {
		case 200:
			if len(got) != 1 {
				t.Fatalf("%d messages", len(got))
			}
			p := got[0]
			if err := topic.Check(p.Topic, 255); err != nil || p.Topic[0] == '$' || p.QoS > 1 || p.TTL < 0 || len(p.MessageID) > 255 {
				t.Fatalf("%+v", p)
			}
			var m struct{ Data, Base64 *string }
			if err := json.Unmarshal([]byte(body), &m); err != nil {
				t.Fatal(err)
			}
			want := ""
			if m.Data != nil {
				want = *m.Data
			} else if m.Base64 != nil {
				b, err := base64.StdEncoding.DecodeString(*m.Base64)
				if want = string(b); err != nil {
					t.Fatal(err)
				}
			}
			if string(p.Data) != want {
				t.Fatalf("%q instead of %q", p.Data, want)
			}
		case 400, 403, 413, 415:
			if len(got) != 0 {
				t.Fatal("published all the same")
			}
		default:
			t.Fatalf("%d %s", a.Code, a.Body)
		}
	})
}
