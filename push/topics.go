package push

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/topic"
)

// topicState is a topic that somebody is subscribed to by its name.
type topicState struct {
	name   string
	serial uint64 // orders the subscriptions of a session
	lane   lane   // the fan-out's

	delivered    atomic.Uint64 // since the last report
	watcherCount atomic.Int32  // watchers.Len()

	// Guarded by the shard's mutex.
	subscribers topic.Set // ids of sessions
	watchers    topic.Set // of those who want to know who comes and goes
	gone        bool      // no longer in the map
}

// topics are all of them, in shards with a lock each. A lock of a shard is taken after
// that of a session.
type topics struct {
	seed   maphash.Seed
	serial atomic.Uint64
	count  atomic.Int64
	shards [64]struct {
		sync.Mutex
		byName map[string]*topicState
	}
}

func (ts *topics) init() {
	ts.seed = maphash.MakeSeed()
	for i := range ts.shards {
		ts.shards[i].byName = map[string]*topicState{}
	}
}

// shard returns the lock and the map for a name.
func (ts *topics) shard(name string) (*sync.Mutex, map[string]*topicState) {
	s := &ts.shards[maphash.String(ts.seed, name)%uint64(len(ts.shards))]
	return &s.Mutex, s.byName
}

// lookup returns a topic, or nil if nobody is subscribed to it.
func (ts *topics) lookup(name string) *topicState {
	mu, byName := ts.shard(name)
	mu.Lock()
	defer mu.Unlock()
	return byName[name]
}

// add subscribes a session, and returns the topic. The log is told with the lock held: if
// one comes as the last one leaves, the log has to hear it in that order, or it would
// forget a topic with subscribers, and begin its offsets anew.
func (ts *topics) add(log msglog.Log, name string, id uint32, watch bool) *topicState {
	mu, byName := ts.shard(name)
	mu.Lock()
	defer mu.Unlock()
	t := byName[name]
	if t == nil {
		t = &topicState{name: name, serial: ts.serial.Add(1)}
		t.lane.topic = t
		byName[name] = t
		ts.count.Add(1)
		log.Watch(name, true)
	}
	t.subscribers.Add(id)
	if watch {
		t.watchers.Add(id)
	} else {
		t.watchers.Remove(id)
	}
	t.watcherCount.Store(int32(t.watchers.Len()))
	return t
}

// remove is the contrary of add.
func (ts *topics) remove(log msglog.Log, t *topicState, id uint32) {
	mu, byName := ts.shard(t.name)
	mu.Lock()
	defer mu.Unlock()
	t.subscribers.Remove(id)
	t.watchers.Remove(id)
	t.watcherCount.Store(int32(t.watchers.Len()))
	if t.subscribers.Len() > 0 || t.gone {
		return
	}
	t.gone = true
	delete(byName, t.name)
	ts.count.Add(-1)
	log.Watch(t.name, false)
}

// audience appends the sessions that are subscribed.
func (ts *topics) audience(t *topicState, dst []uint32) []uint32 {
	mu, _ := ts.shard(t.name)
	mu.Lock()
	defer mu.Unlock()
	return t.subscribers.Append(dst)
}

// watched appends the sessions that want to know who comes and goes, and returns how
// many subscribers there are.
func (ts *topics) watched(t *topicState, dst []uint32) (watchers []uint32, subscribers int) {
	mu, _ := ts.shard(t.name)
	mu.Lock()
	defer mu.Unlock()
	return t.watchers.Append(dst), t.subscribers.Len()
}

// each calls f for all topics, with the lock of a shard held.
func (ts *topics) each(f func(t *topicState)) {
	for i := range ts.shards {
		s := &ts.shards[i]
		s.Lock()
		for _, t := range s.byName {
			f(t)
		}
		s.Unlock()
	}
}
