package msglog_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/weir-go/weir/push/msglog"
)

// A subscriber comes back with the epoch and the offset of the last message it has.
func ExampleMemory() {
	l := msglog.NewMemory(msglog.MemoryOptions{Keep: msglog.Retention{Count: 100}})
	defer l.Close()
	extent, err := l.Touch("news")
	if err != nil {
		log.Fatal(err)
	}
	epoch, offset := extent.Epoch, extent.Last

	for _, s := range []string{"one", "two", "three"} {
		if err := l.Append([]*msglog.Record{{Topic: "news", Data: []byte(s)}}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("nothing is missing:", l.Topic("news").Has(epoch, offset))
	for {
		records, next, err := l.Read(nil, "news", offset, 2, 1<<20)
		if err != nil {
			log.Fatal(err)
		}
		for _, r := range records {
			fmt.Println(r.Offset, string(r.Data))
		}
		if offset = next; offset >= l.Topic("news").Last {
			break
		}
	}
	// Output:
	// nothing is missing: true
	// 1 one
	// 2 two
	// 3 three
}

// A filter with wildcards goes through the whole log by position.
func ExampleMemory_Scan() {
	l := msglog.NewMemory(msglog.MemoryOptions{})
	defer l.Close()
	for _, topic := range []string{"news/eu", "weather", "news/us"} {
		if err := l.Append([]*msglog.Record{{Topic: topic}}); err != nil {
			log.Fatal(err)
		}
	}
	news := func(topic string) bool { return strings.HasPrefix(topic, "news/") }
	for position := uint64(0); position < l.All().Last; {
		records, next, err := l.Scan(nil, news, position, 10, 1<<20)
		if err != nil {
			log.Fatal(err)
		}
		for _, r := range records {
			fmt.Println(r.Position, r.Topic)
		}
		position = next
	}
	// Output:
	// 1 news/eu
	// 3 news/us
}

// What is in memory is only a part of what the other log has.
func ExampleNewCached() {
	back := msglog.NewMemory(msglog.MemoryOptions{}) // or pebblelog.Open
	l := msglog.NewCached(back, msglog.MemoryOptions{Keep: msglog.Retention{Count: 2}})
	defer l.Close()
	l.Watch("news", true)
	for range 5 {
		if err := l.Append([]*msglog.Record{{Topic: "news"}}); err != nil {
			log.Fatal(err)
		}
	}
	for _, after := range []uint64{0, 3} {
		records, _, err := l.Read(nil, "news", after, 10, 1<<20)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(records), "messages behind", after)
	}
	s := l.Stats()
	fmt.Println(s.Hits, "from memory,", s.Misses, "from behind")
	// Output:
	// 5 messages behind 0
	// 2 messages behind 3
	// 1 from memory, 1 from behind
}
