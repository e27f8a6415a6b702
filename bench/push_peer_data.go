//go:build unix

package main

import (
	"path/filepath"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/pebblelog"
)

// pushDataPeer is weir's push server with a log that survives it.
var pushDataPeer = peer{
	name:  "push-data",
	about: "weir/push on WebSockets, messages logged on disk and synced, in memory for those who catch up",
	start: func(s *stage) (string, error) {
		back, err := pebblelog.Open(filepath.Join(s.dir, "log"), pebblelog.Options{})
		if err != nil {
			return "", err
		}
		return startPush(s, msglog.NewCached(back, msglog.MemoryOptions{}), pushSockets)
	},
}
