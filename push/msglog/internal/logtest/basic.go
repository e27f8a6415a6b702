package logtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir/push/msglog"
)

func testNumbers(t *testing.T, k Kind) {
	l, clock := k.open(t, Settings{})
	if e := l.Topic("a"); e != (msglog.Extent{}) {
		t.Errorf("an unknown topic is %+v", e)
	}
	a, err := l.Touch("a")
	if err != nil || a.Epoch == 0 || a.Epoch >= 1<<53 || a.First != 1 || a.Last != 0 {
		t.Errorf("Touch: %+v, %v", a, err)
	}
	if !a.Has(a.Epoch, 0) {
		t.Errorf("something is missing in %+v", a)
	}
	group := []*msglog.Record{message("a", "1"), message("b", "2"), message("a", "3")}
	group[2].Publisher, group[2].MessageID = "p", "m"
	put(t, l, group...)
	put(t, l, message("a", "4"))
	if e := l.Topic("a"); e != (msglog.Extent{Epoch: a.Epoch, First: 1, Last: 3}) {
		t.Errorf("Topic: %+v, the epoch was %d", e, a.Epoch)
	}
	if e := l.All(); e.Epoch == 0 || e.First != 1 || e.Last != 4 {
		t.Errorf("All: %+v", e)
	}
	for i, want := range []struct{ offset, previous, position uint64 }{{1, 0, 1}, {2, 1, 3}, {3, 2, 4}} {
		r := read(t, l, "a", uint64(i))[0]
		if r.Offset != want.offset || r.Previous != want.previous || r.Position != want.position ||
			r.Epoch != a.Epoch || r.Topic != "a" || r.Time != clock.Now().UnixMilli() || r.Duplicate {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
	if r := read(t, l, "a", 1)[0]; r.Publisher != "p" || r.MessageID != "m" || string(r.Data) != "3" {
		t.Errorf("stored as %+v", r)
	}
	if _, next, _ := l.Read(nil, "a", 7, all, all); next != 7 {
		t.Errorf("behind the end: %d", next)
	}
	if s := l.Stats(); s.Appended != 4 || s.Messages != 4 || s.Bytes != 4 || s.Topics != 2 {
		t.Errorf("Stats: %+v", s)
	}
}

func testDuplicates(t *testing.T, k Kind) {
	l, clock := k.open(t, Settings{DedupAge: time.Minute})
	send := func(publisher, id string) *msglog.Record {
		return &msglog.Record{Topic: "a", Publisher: publisher, MessageID: id, Data: []byte(id)}
	}
	group := []*msglog.Record{send("p", "1"), send("p", "1"), send("q", "1"), send("p", ""), send("p", "")}
	put(t, l, group...)
	for i, duplicate := range []bool{false, true, false, false, false} {
		if group[i].Duplicate != duplicate {
			t.Errorf("%d: duplicate %v", i, group[i].Duplicate)
		}
	}
	if a, b := group[0], group[1]; a.Offset != b.Offset || a.Position != b.Position || a.Epoch != b.Epoch {
		t.Errorf("the duplicate of %+v is %+v", a, b)
	}
	clock.Advance(time.Minute)
	again := send("q", "1")
	put(t, l, again)
	if !again.Duplicate || again.Offset != 2 {
		t.Errorf("again: %+v", again)
	}
	clock.Advance(time.Millisecond)
	sweep(t, l, clock.Now())
	late := send("q", "1")
	put(t, l, late)
	if late.Duplicate || late.Offset != 5 {
		t.Errorf("after the window: %+v", late)
	}
	if s := l.Stats(); s.Duplicates != 2 || s.Appended != 5 {
		t.Errorf("%+v", s)
	}
}

func testParts(t *testing.T, k Kind) {
	l, _ := k.open(t, Settings{})
	for i := range 10 {
		put(t, l, message("a", strings.Repeat("x", i+1)))
	}
	for _, row := range []struct {
		after     uint64
		max, size int
		want      string
		next      uint64
	}{
		{0, 3, all, "a1 a2 a3 ", 3},
		{8, 3, all, "a9 a10 ", 10},
		{0, all, 6, "a1 a2 a3 ", 3},
		{0, all, 5, "a1 a2 ", 2},
		{5, all, 1, "a6 ", 6},
		{5, all, 0, "a6 ", 6},
		{5, 0, all, "", 5},
		{10, 3, 3, "", 10},
	} {
		got, next, err := l.Read([]*msglog.Record{message("x", "")}, "a", row.after, row.max, row.size)
		if err != nil || len(got) == 0 || got[0].Topic != "x" || offsets(got[1:]) != row.want || next != row.next {
			t.Errorf("%+v: %s, %d, %v", row, offsets(got), next, err)
		}
	}
}

func testExpiry(t *testing.T, k Kind) {
	l, clock := k.open(t, Settings{})
	e, _ := l.Touch("a")
	for i := range 6 {
		r := message("a", "x")
		if i%2 == 1 {
			r.Expires = clock.Now().Add(time.Duration(i) * time.Second).UnixMilli()
		}
		put(t, l, r)
	}
	for _, row := range []struct {
		seconds int
		want    string
		stored  int64
	}{{0, "a1 a2 a3 a4 a5 a6 ", 6}, {1, "a1 a3 a4 a5 a6 ", 5}, {4, "a1 a3 a5 ", 3}} {
		clock.Advance(time.Duration(row.seconds) * time.Second)
		for range 2 { // before and after it was removed
			got, next, err := l.Read(nil, "a", 0, all, all)
			if offsets(got) != row.want || next != 6 || err != nil {
				t.Errorf("%d s: %s, %d, %v", row.seconds, offsets(got), next, err)
			}
			got, next, err = l.Scan(nil, func(string) bool { return true }, 0, all, all)
			if offsets(got) != row.want || next != 6 || err != nil {
				t.Errorf("%d s: scanned %s, %d, %v", row.seconds, offsets(got), next, err)
			}
			sweep(t, l, clock.Now())
		}
		if s := l.Stats(); s.Messages != row.stored || s.Expired != uint64(6-row.stored) || s.Trimmed != 0 {
			t.Errorf("%d s: %+v", row.seconds, s)
		}
	}
	if a := l.Topic("a"); !a.Has(e.Epoch, 0) || a.Last != 6 {
		t.Errorf("%+v: expired messages are not missing", a)
	}
}

func testRetention(t *testing.T, k Kind) {
	l, clock := k.open(t, Settings{Keep: msglog.Retention{Count: 5, Bytes: 100, Age: time.Minute}})
	e, _ := l.Touch("a")
	check := func(what string, first, last uint64) {
		t.Helper()
		sweep(t, l, clock.Now())
		if x := l.Topic("a"); x.First != first || x.Last != last || x.Epoch != e.Epoch {
			t.Errorf("%s: %+v, want %d to %d", what, x, first, last)
		}
		if got := read(t, l, "a", 0); len(got) != int(last+1-first) {
			t.Errorf("%s: %s", what, offsets(got))
		}
	}
	l.Watch("a", true)
	for range 8 {
		put(t, l, message("a", "x"))
	}
	check("by count", 4, 8)
	if a := l.All(); a.First != 4 || a.Last != 8 {
		t.Errorf("All: %+v", a)
	}
	put(t, l, message("a", strings.Repeat("x", 99)))
	check("by bytes", 8, 9)
	put(t, l, message("a", strings.Repeat("x", 1000)))
	check("the largest", 10, 10)
	clock.Advance(30 * time.Second)
	put(t, l, message("a", "x"))
	check("its follower", 11, 11)
	clock.Advance(59 * time.Second)
	put(t, l, message("a", "x"))
	clock.Advance(2 * time.Second)
	check("by age", 12, 12)
	clock.Advance(time.Hour)
	check("all", 13, 12)
	if s := l.Stats(); s.Trimmed != 12 || s.Messages != 0 || s.Bytes != 0 {
		t.Errorf("%+v", s)
	}
	put(t, l, message("a", "x"))
	check("goes on", 13, 13)
}

func testScan(t *testing.T, k Kind) {
	l, _ := k.open(t, Settings{})
	var group []*msglog.Record
	for i := range 10_000 {
		group = append(group, message(fmt.Sprint("t", i%10), "xx"))
	}
	put(t, l, group...)
	match := func(topic string) bool { return topic == "t3" || topic == "t4" }
	var got []*msglog.Record
	after := uint64(0)
	for rounds := 0; after < l.All().Last; rounds++ {
		if rounds > 2000 {
			t.Fatalf("no end at %d", after)
		}
		n := len(got)
		var err error
		if got, after, err = l.Scan(got, match, after, 7, 10); err != nil {
			t.Fatal(err)
		}
		if len(got) > n+5 {
			t.Fatalf("%d records of 2 bytes fit in 10", len(got)-n)
		}
	}
	if len(got) != 2000 {
		t.Fatalf("%d records, want 2000", len(got))
	}
	for i, r := range got {
		if want := uint64(i/2*10 + i%2 + 4); r.Position != want || !match(r.Topic) || r.Epoch == 0 {
			t.Fatalf("record %d is %+v, want position %d", i, r, want)
		}
	}
	none, next, err := l.Scan(nil, func(string) bool { return false }, 0, all, all)
	if len(none) != 0 || next == 0 || next > 10_000 || err != nil {
		t.Errorf("none matches: %d, %d, %v", len(none), next, err)
	}
}

func testTopics(t *testing.T, k Kind) {
	l, _ := k.open(t, Settings{})
	for i := range 50 {
		if i%2 == 0 {
			put(t, l, message(fmt.Sprintf("a/%02d", i), "xyz"))
		} else if _, err := l.Touch(fmt.Sprintf("a/%02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	put(t, l, message("b", ""), message("a", ""))
	names := 0
	for after := ""; ; names++ {
		page, err := l.Topics(nil, "a/", after, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		p := page[0]
		if p.Name != fmt.Sprintf("a/%02d", names) || p.Extent != l.Topic(p.Name) || p.Messages != 1-names%2 || p.Bytes != int64(3*(1-names%2)) {
			t.Errorf("%d: %+v", names, p)
		}
		after = p.Name
	}
	if names != 50 {
		t.Errorf("%d topics", names)
	}
	if page, _ := l.Topics(nil, "", "a/48", 10); len(page) != 2 || page[1].Name != "b" {
		t.Errorf("the last ones: %+v", page)
	}
}

func testCursors(t *testing.T, k Kind) {
	l, _ := k.open(t, Settings{})
	if err := l.SaveCursors(map[string][]byte{"u\x00s": []byte("1"), "u\x00t": []byte("2")}); err != nil {
		t.Fatal(err)
	}
	if err := l.SaveCursors(map[string][]byte{"u\x00s": []byte("3"), "u\x00t": nil, "none": nil}); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"u\x00s": "3", "u\x00t": "", "none": ""} {
		if v, err := l.LoadCursors(key); string(v) != want || err != nil || want == "" && v != nil {
			t.Errorf("%q: %q, %v", key, v, err)
		}
	}
}

func testClosed(t *testing.T, k Kind) {
	l, clock := k.open(t, Settings{})
	put(t, l, message("a", "x"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, touch := l.Touch("a")
	_, _, read := l.Read(nil, "a", 0, 1, 1)
	_, _, scan := l.Scan(nil, func(string) bool { return true }, 0, 1, 1)
	for what, err := range map[string]error{
		"Append": l.Append([]*msglog.Record{message("a", "x")}), "Touch": touch, "Read": read, "Scan": scan,
		"Sweep": l.Sweep(clock.Now()),
	} {
		if !errors.Is(err, msglog.ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	l.Watch("a", true)
	l.Stats()
	if err := l.Close(); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func testForgotten(t *testing.T, k Kind) {
	l, clock := k.open(t, Settings{Keep: msglog.Retention{Age: time.Minute}})
	put(t, l, message("a", "x"), message("watched", "x"))
	l.Watch("watched", true)
	a, w := l.Topic("a"), l.Topic("watched")
	for range 4 {
		clock.Advance(40 * time.Second)
		sweep(t, l, clock.Now())
	}
	if e := l.Topic("a"); e != (msglog.Extent{}) {
		t.Errorf("it is still there: %+v", e)
	}
	if e := l.Topic("watched"); e != (msglog.Extent{Epoch: w.Epoch, First: 2, Last: 1}) {
		t.Errorf("the watched one was %+v, is %+v", w, e)
	}
	if e, err := l.Touch("a"); err != nil || e.Epoch == a.Epoch || e.Last != 0 {
		t.Errorf("%+v with offsets from 1 again, was %+v: %v", e, a, err)
	}
}

func testReopen(t *testing.T, k Kind) {
	if !k.Lasting {
		t.Skip("it does not last")
	}
	s := Settings{Directory: t.TempDir(), Keep: msglog.Retention{Count: 10}}
	l, clock := k.open(t, s)
	s.Now = clock.Now
	never, _ := l.Touch("never")
	for i := range 20 {
		r := message("a", fmt.Sprint(i))
		r.Publisher, r.MessageID = "p", fmt.Sprint(i)
		put(t, l, r)
	}
	sweep(t, l, clock.Now())
	if err := l.SaveCursors(map[string][]byte{"s": []byte("c")}); err != nil {
		t.Fatal(err)
	}
	a, everything := l.Topic("a"), l.All()
	for range 3 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, _ = k.open(t, s)
		if e := l.Topic("a"); e != a {
			t.Errorf("was %+v, is %+v", a, e)
		}
		if e := l.All(); e != everything {
			t.Errorf("all was %+v, is %+v", everything, e)
		}
		if e, _ := l.Touch("never"); e != never {
			t.Errorf("without messages it was %+v, is %+v", never, e)
		}
		if v, err := l.LoadCursors("s"); string(v) != "c" || err != nil {
			t.Errorf("cursors %q, %v", v, err)
		}
		// Of a message that is gone already, too.
		r := message("a", "")
		r.Publisher, r.MessageID = "p", "3"
		put(t, l, r)
		if !r.Duplicate || r.Offset != 4 || r.Epoch != a.Epoch || r.Position != 4 {
			t.Errorf("again: %+v", r)
		}
		if got := read(t, l, "a", 0); len(got) != 10 || string(got[9].Data) != "19" {
			t.Errorf("read %s", offsets(got))
		}
		if s := l.Stats(); s.Messages != 10 || s.Bytes != 20 {
			t.Errorf("%+v", s)
		}
	}
	put(t, l, message("a", "x"))
	if e := l.Topic("a"); e.Last != a.Last+1 {
		t.Errorf("it goes on as %+v", e)
	}
}
