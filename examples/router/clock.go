package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// clock sends the time to all who watch, as server-sent events.
type clock struct {
	end      context.Context
	tick     time.Duration
	watching atomic.Int64
}

func newClock(end context.Context, tick time.Duration) *clock {
	return &clock{end: end, tick: tick}
}

// ServeHTTP sends events until the client goes away.
func (c *clock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return
	}
	c.watching.Add(1)
	defer c.watching.Add(-1)
	out := http.NewResponseController(w)
	ticker := time.NewTicker(c.tick)
	defer ticker.Stop()
	for id, now := 1, time.Now(); ; id++ {
		data, err := json.Marshal(struct {
			Time     time.Time `json:"time"`
			Watching int64     `json:"watching"`
		}{now.UTC(), c.watching.Load()})
		if err != nil {
			panic(err) // not to be: it is a time and a number
		}
		if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", id, data); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case now = <-ticker.C:
		case <-r.Context().Done():
			return
		case <-c.end.Done():
			return
		}
	}
}
