package metrics_test

import (
	"maps"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/auth"
	"github.com/weir-go/weir/push/metrics"
	"github.com/weir-go/weir/push/protocol"
)

// leftOut are the fields that are not exported, on purpose.
var leftOut = map[string]string{
	"push.Stats.Attached": "the sum of connections by format",

	// Labels of a line, not figures.
	"push.ClientStats.User":    "",
	"push.ClientStats.Session": "",
	"push.ClientStats.Remote":  "",
	"push.ClientStats.Format":  "",
	"push.ClientStats.Subs":    "no lag",
	"push.ClientStats.Age":     "no lag",
}

// TestComplete sets each field of the Stats and looks whether anything that is exported
// changes.
func TestComplete(t *testing.T) {
	check[push.Stats](t, func(s push.Stats) prometheus.Collector { return metrics.New(&fake{stats: s}, nil) })
	check[push.ClientStats](t, func(s push.ClientStats) prometheus.Collector {
		return metrics.New(&fake{clients: []push.ClientStats{s}}, nil)
	})
	check[weir.Stats](t, func(s weir.Stats) prometheus.Collector {
		return metrics.New(&fake{}, map[string]func() weir.Stats{"x": func() weir.Stats { return s }})
	})
	check[api.Stats](t, func(s api.Stats) prometheus.Collector { return metrics.API(fixed[api.Stats]{s}) })
	check[auth.Stats](t, func(s auth.Stats) prometheus.Collector { return metrics.Auth(fixed[auth.Stats]{s}) })
}

type fixed[S any] struct{ s S }

func (f fixed[S]) Stats() S { return f.s }

func check[S any](t *testing.T, collector func(s S) prometheus.Collector) {
	var zero S
	name := reflect.TypeFor[S]().String()
	known := map[string]string{} // what was exported, by the field
	before := gather(t, collector(zero))
	fields(t, name, reflect.ValueOf(&zero).Elem(), func(field string) {
		after := gather(t, collector(zero))
		_, left := leftOut[field]
		switch {
		case before == after && !left:
			t.Errorf("%s is not exported: do that, or say in leftOut why not", field)
		case before != after && left:
			t.Errorf("%s is exported, but said to be left out", field)
		case !left && known[after] != "":
			t.Errorf("%s and %s are exported as the same", field, known[after])
		}
		known[after] = field
	})
	if len(known) == 0 {
		t.Errorf("%s has no fields", name)
	}
}

// fields calls f for each field of a struct, and of those within it, with a value set.
func fields(t *testing.T, name string, v reflect.Value, f func(field string)) {
	for i := range v.NumField() {
		field, name := v.Field(i), name+"."+v.Type().Field(i).Name
		was := reflect.New(field.Type()).Elem()
		was.Set(field)
		switch x := field.Addr().Interface().(type) {
		case *push.Histogram:
			*x = push.Histogram{Bounds: []float64{1}, Counts: []uint64{1, 2}, Sum: 3}
		case *time.Time:
			*x = time.Unix(1_500_000_000, 0)
		case *map[string]int:
			*x = map[string]int{"x": 1}
		case *map[string]uint64:
			*x = map[string]uint64{"x": 1}
		case *map[protocol.Code]uint64:
			*x = map[protocol.Code]uint64{protocol.CodeTopic: 1}
		case *string:
			*x = "x"
		default:
			switch field.Kind() {
			case reflect.Struct:
				fields(t, name, field, f)
				continue
			case reflect.Int, reflect.Int64:
				field.SetInt(7)
			case reflect.Uint64:
				field.SetUint(7)
			default:
				t.Fatalf("%s is a %v, which this test does not know", name, field.Type())
			}
		}
		f(name)
		field.Set(was)
	}
}

// gather returns all that is exported, as text, but for what the process takes.
func gather(t *testing.T, c prometheus.Collector) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 {
		t.Fatal(w.Body)
	}
	var b strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if !strings.Contains(line, "weir_push_memory_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestLeftOut: what is said to be left out exists.
func TestLeftOut(t *testing.T) {
	left := maps.Clone(leftOut)
	for name, s := range map[string]any{"push.Stats": push.Stats{}, "push.ClientStats": push.ClientStats{}} {
		for i := range reflect.TypeOf(s).NumField() {
			delete(left, name+"."+reflect.TypeOf(s).Field(i).Name)
		}
	}
	for field := range left {
		t.Errorf("there is no %s", field)
	}
}
