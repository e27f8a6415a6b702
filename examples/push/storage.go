package main

import (
	"errors"
	"fmt"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/pebblelog"
)

// openLog opens what keeps the messages of QoS 1: memory, or a directory with memory in
// front, which serves those who have missed little.
func (o *options) openLog() (msglog.Log, error) {
	if o.data == "" {
		return msglog.NewMemory(msglog.MemoryOptions{Keep: o.retention}), nil
	}
	disk, err := pebblelog.Open(o.data, pebblelog.Options{Keep: o.retention, Logger: o.server.Logger})
	switch {
	case errors.Is(err, pebblelog.ErrInUse):
		return nil, fmt.Errorf("-data %s is in use: stop the server that has it, or choose another directory", o.data)
	case err != nil:
		return nil, fmt.Errorf("-data: %w", err)
	}
	return msglog.NewCached(disk, msglog.MemoryOptions{}), nil
}

// storage tells where messages are kept.
func (o *options) storage() string {
	if o.data == "" {
		return "messages in memory"
	}
	return "messages in " + o.data
}
