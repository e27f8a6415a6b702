package metrics_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/metrics"
)

func Example() {
	p, err := push.New(push.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	transport := &weir.Server{} // with the handlers of package gateway
	h := metrics.Handler(p, map[string]func() weir.Stats{"web": transport.Stats})

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "weir_push_sessions") {
			fmt.Print(line)
		}
	}
	// Output:
	// weir_push_sessions 0
	// weir_push_sessions_behind 0
	// weir_push_sessions_caught_up_total 0
	// weir_push_sessions_deferred_total 0
	// weir_push_sessions_detached 0
	// weir_push_sessions_sent_away_total 0
	// weir_push_sessions_taken_over_total 0
	// weir_push_sessions_waiting 0
}
