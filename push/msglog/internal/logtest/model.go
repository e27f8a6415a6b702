package logtest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir/push/msglog"
)

// model is what a log should be, in the plainest form.
type model struct {
	topics map[string]*modelTopic
	last   uint64
	ids    map[string]*msglog.Record

	forgotten bool // a topic was
}

type modelTopic struct {
	epoch uint64
	last  uint64
	first uint64           // of what retention leaves, if it is exact
	all   []*msglog.Record // of the epoch, removed ones included
	gone  map[uint64]bool  // expired and swept
}

func (m *modelTopic) trim(k msglog.Retention, now time.Time) {
	for {
		count, bytes := 0, int64(0)
		var oldest *msglog.Record
		for _, r := range m.all {
			if r.Offset >= m.first && !m.gone[r.Offset] {
				if oldest == nil {
					oldest = r
				}
				count++
				bytes += int64(len(r.Data))
			}
		}
		if oldest == nil || (count == 1 || count <= k.Count && bytes <= k.Bytes) && now.UnixMilli()-oldest.Time <= k.Age.Milliseconds() {
			return
		}
		m.first = oldest.Offset + 1
	}
}

// testModel does things at random and compares with the model.
func testModel(t *testing.T, k Kind) {
	seeds := 3
	if k.Lasting { // each of its groups is waited for
		seeds = 1
	}
	for range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, k, seed) })
	}
}

func runModel(t *testing.T, k Kind, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	s := Settings{Keep: msglog.Retention{Count: 20, Bytes: 300, Age: time.Minute}, DedupAge: 20 * time.Second, Directory: t.TempDir()}
	l, clock := k.open(t, s)
	s.Now = clock.Now
	m := model{topics: make(map[string]*modelTopic), ids: make(map[string]*msglog.Record)}
	for step := range 1500 {
		switch n := random.IntN(100); {
		case n < 45:
			m.append(t, l, random, s.Keep, clock.Now())
		case n < 80:
			m.read(t, l, random, k, clock.Now())
		case n < 88:
			clock.Advance(time.Duration(random.IntN(5000)) * time.Millisecond)
		case n < 94:
			sweep(t, l, clock.Now())
			m.sweep(s.Keep, clock.Now())
			for name, x := range m.topics {
				if e := l.Topic(name); e.Epoch == x.epoch && e.Last+1-e.First > uint64(s.Keep.Count)+uint64(len(x.gone)) {
					t.Fatalf("step %d: %s has %+v after a sweep", step, name, e)
				}
			}
		case n < 97:
			l.Watch(fmt.Sprint("t", random.IntN(8)), random.IntN(2) == 0)
		case k.Lasting && n == 99 && random.IntN(4) == 0:
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l, _ = k.open(t, s)
		default:
			m.scan(t, l, random, clock.Now())
		}
		if t.Failed() {
			t.Fatalf("at step %d", step)
		}
	}
}

func (m *model) sweep(keep msglog.Retention, now time.Time) {
	for _, x := range m.topics {
		for _, r := range x.all {
			if r.Expires != 0 && r.Expires <= now.UnixMilli() {
				x.gone[r.Offset] = true
			}
		}
		x.trim(keep, now)
	}
}

func (m *model) append(t *testing.T, l msglog.Log, random *rand.Rand, keep msglog.Retention, now time.Time) {
	var group []*msglog.Record
	for range 1 + random.IntN(5) {
		r := message(fmt.Sprint("t", random.IntN(8)), string(make([]byte, random.IntN(40))))
		if random.IntN(3) == 0 {
			r.Expires = now.Add(time.Duration(random.IntN(10_000)) * time.Millisecond).UnixMilli()
		}
		if random.IntN(3) == 0 {
			r.Publisher, r.MessageID = fmt.Sprint("p", random.IntN(2)), fmt.Sprint(random.IntN(50))
		}
		group = append(group, r)
	}
	put(t, l, group...)
	for _, r := range group {
		key := r.Publisher + " " + r.MessageID
		if first := m.ids[key]; r.MessageID != "" && first != nil && now.UnixMilli()-first.Time <= 20_000 {
			if !r.Duplicate || r.Offset != first.Offset || r.Epoch != first.Epoch || r.Position != first.Position {
				t.Errorf("%+v should be a duplicate of %+v", r, first)
			}
			continue
		}
		x := m.topic(t, l, r.Topic, r.Epoch, now)
		m.last++
		x.last++
		if r.Duplicate || r.Offset != x.last || r.Previous != x.last-1 || r.Position != m.last || r.Time != now.UnixMilli() {
			t.Errorf("%+v should be offset %d, position %d", r, x.last, m.last)
		}
		x.all = append(x.all, r)
		x.trim(keep, now)
		if r.MessageID != "" {
			m.ids[key] = r
		}
	}
}

// topic returns a topic, empty if it is of another epoch and may be.
func (m *model) topic(t *testing.T, l msglog.Log, name string, epoch uint64, now time.Time) *modelTopic {
	x := m.topics[name]
	if x != nil && x.epoch != epoch {
		for _, r := range x.all {
			if now.UnixMilli()-r.Time <= 60_000 && r.Offset >= x.first && !x.gone[r.Offset] {
				t.Errorf("%s was forgotten, with offset %d", name, r.Offset)
			}
		}
		x, m.forgotten = nil, true
	}
	if x == nil {
		x = &modelTopic{epoch: epoch, first: 1, gone: make(map[uint64]bool)}
		m.topics[name] = x
	}
	return x
}

func (m *model) read(t *testing.T, l msglog.Log, random *rand.Rand, k Kind, now time.Time) {
	name := fmt.Sprint("t", random.IntN(8))
	e := l.Topic(name)
	if e.Epoch == 0 {
		if m.topics[name] != nil {
			m.topic(t, l, name, 0, now)
			delete(m.topics, name)
		}
		return
	}
	x := m.topic(t, l, name, e.Epoch, now)
	if e.Last != x.last || e.First > x.first || !k.Lazy && e.First != x.first {
		t.Errorf("%s is %+v, want %d to %d", name, e, x.first, x.last)
	}
	after := uint64(random.IntN(int(x.last) + 2))
	for _, offset := range []uint64{after, e.First - 1, e.First} {
		if has := offset+1 >= e.First && offset <= x.last; e.Has(e.Epoch, offset) != has || e.Has(e.Epoch+1, offset) {
			t.Errorf("%+v has what is behind %d: %v", e, offset, !has)
		}
	}
	limit, size := 1+random.IntN(30), random.IntN(400)
	got, next, err := l.Read(nil, name, after, limit, size)
	if err != nil {
		t.Fatal(err)
	}
	n, end := 0, false
	for _, r := range x.all {
		if r.Offset <= after || r.Offset < e.First || r.Expires != 0 && r.Expires <= now.UnixMilli() {
			continue
		}
		if limit == 0 || n > 0 && len(r.Data) > size {
			end = true
			break
		}
		limit--
		size -= len(r.Data)
		if n == len(got) || got[n].Offset != r.Offset || got[n].Position != r.Position || got[n].Topic != name {
			t.Fatalf("%s behind %d: %s, want %d as number %d", name, after, offsets(got), r.Offset, n)
		}
		n++
	}
	if n != len(got) || !end && next != max(after, x.last) || end && next >= x.last || n > 0 && next < got[n-1].Offset {
		t.Errorf("%s behind %d: %s and next %d, want %d of them", name, after, offsets(got), next, n)
	}
}

func (m *model) scan(t *testing.T, l msglog.Log, random *rand.Rand, now time.Time) {
	match := func(topic string) bool { return topic >= "t4" }
	after := uint64(random.Int64N(int64(m.last) + 1))
	got, next, err := l.Scan(nil, match, after, 1000, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if next < m.last && len(got) < 1000 && m.last-after < 1000 {
		t.Errorf("a scan from %d to %d has ended at %d", after, m.last, next)
	}
	m.gaps(t, l, match, after)
	found := make(map[uint64]*msglog.Record)
	position := after
	for _, r := range got {
		if r.Position <= position || !match(r.Topic) || r.Expires != 0 && r.Expires <= now.UnixMilli() {
			t.Errorf("a scan behind %d has %+v", position, r)
		}
		position = r.Position
		found[r.Position] = r
	}
	for name, x := range m.topics {
		e := l.Topic(name)
		if e.Epoch != x.epoch {
			continue
		}
		for _, r := range x.all {
			wanted := match(name) && r.Offset >= e.First && (r.Expires == 0 || r.Expires > now.UnixMilli()) &&
				r.Position > after && r.Position <= next
			if wanted && found[r.Position] == nil {
				t.Errorf("a scan has not found %+v", r)
			}
		}
	}
}

// gaps checks what is said to be missing behind a position.
func (m *model) gaps(t *testing.T, l msglog.Log, match func(string) bool, after uint64) {
	missing, maybe := false, m.forgotten
	for name, x := range m.topics {
		e := l.Topic(name)
		if e.Epoch != x.epoch {
			maybe = true
			continue
		}
		for _, r := range x.all {
			if match(name) && r.Position > after && r.Offset < e.First {
				missing = missing || !x.gone[r.Offset]
				maybe = true
			}
		}
	}
	if got := l.(msglog.Gaps).Missing(match, after); missing && !got || got && !maybe {
		t.Errorf("missing behind %d: %v, want %v", after, got, missing)
	}
}

// progress lets readers wait for something to read.
type progress struct {
	mu   sync.Mutex
	cond sync.Cond
	n    uint64 // positions that are there
}

func (p *progress) add(n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n += n
	p.cond.Broadcast()
}

// wait returns when there is more than n.
func (p *progress) wait(n uint64) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.n <= n {
		p.cond.Wait()
	}
	return p.n
}

// testAtOnce has one who appends, and readers, none of whom may see a gap or disorder,
// or miss what was there before they asked.
func testAtOnce(t *testing.T, k Kind) {
	l, _ := k.open(t, Settings{Keep: msglog.Retention{Count: 100_000}, Now: time.Now})
	const topics, messages = 5, 200
	var there progress
	there.cond.L = &there.mu
	var wait sync.WaitGroup
	for n := range topics {
		name := fmt.Sprint("t", n)
		l.Watch(name, n%2 == 0)
		wait.Go(func() {
			for after := uint64(0); after < messages; {
				known := there.wait(after*topics) / topics
				got, next, err := l.Read(nil, name, after, 10, all)
				if err != nil {
					t.Error(err)
					return
				}
				for _, r := range got {
					if r.Offset != after+1 {
						t.Errorf("%s: %d follows %d", name, r.Offset, after)
						return
					}
					after = r.Offset
				}
				if len(got) < 10 && (next != after || after < known) {
					t.Errorf("%s: next is %d at %d of %d", name, next, after, known)
					return
				}
			}
		})
		wait.Go(func() {
			seen := make(map[string]uint64)
			for after := uint64(0); after < topics*messages; {
				known := there.wait(after)
				got, next, err := l.Scan(nil, func(string) bool { return true }, after, 10, all)
				if err != nil {
					t.Error(err)
					return
				}
				for _, r := range got {
					if r.Position <= after || r.Offset != seen[r.Topic]+1 {
						t.Errorf("%s: %d follows %d", r.Topic, r.Offset, seen[r.Topic])
						return
					}
					after, seen[r.Topic] = r.Position, r.Offset
				}
				if len(got) < 10 && (next != after || after < known) {
					t.Errorf("next is %d at %d of %d", next, after, known)
					return
				}
			}
		})
	}
	for i := range messages {
		var group []*msglog.Record
		for n := range topics {
			group = append(group, message(fmt.Sprint("t", n), "x"))
		}
		if err := l.Append(group); err != nil {
			t.Error(err)
		}
		there.add(topics)
		if i%50 == 0 {
			sweep(t, l, time.Now())
		}
	}
	wait.Wait()
}
