package pebblelog_test

import (
	"fmt"
	"log"
	"os"
	"time"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/pebblelog"
)

// A log of news that are kept for a week, with the latest in memory.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "pebblelog")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	back, err := pebblelog.Open(dir, pebblelog.Options{Keep: msglog.Retention{Age: 7 * 24 * time.Hour}})
	if err != nil {
		log.Fatal(err)
	}
	l := msglog.NewCached(back, msglog.MemoryOptions{})
	defer l.Close()

	first := &msglog.Record{Topic: "news", Publisher: "desk", MessageID: "1", Data: []byte("hello")}
	if err := l.Append([]*msglog.Record{first}); err != nil {
		log.Fatal(err)
	}
	again := &msglog.Record{Topic: "news", Publisher: "desk", MessageID: "1", Data: []byte("hello")}
	if err := l.Append([]*msglog.Record{again}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(first.Offset, first.Duplicate)
	fmt.Println(again.Offset, again.Duplicate)
	// Output:
	// 1 false
	// 1 true
}
