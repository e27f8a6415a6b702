package reactor

import "sync"

// Task is work for the loop's goroutine, see [Reactor.Post]. An interface and
// not a func, so that posting an object that exists already allocates nothing.
type Task interface{ Run() }

// TaskFunc makes a function a [Task].
type TaskFunc func()

// Run calls f.
func (f TaskFunc) Run() { f() }

// maxTaskRounds bounds how often in one iteration the tasks posted by tasks are
// run before the loop looks at its descriptors again.
const maxTaskRounds = 4

// taskQueue is the mailbox of a loop: many producers, one consumer, who takes
// everything at once.
type taskQueue struct {
	mu     sync.Mutex
	tasks  []Task
	closed bool
}

// push adds t and, still under the lock, has wake called if the loop sleeps: a
// queue that is closed has nobody left who could be waking the loop.
func (q *taskQueue) push(t Task, wake func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.tasks = append(q.tasks, t)
	wake()
	return true
}

// take returns what is queued and leaves spare, emptied, in its place.
func (q *taskQueue) take(spare []Task) []Task {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.tasks
	q.tasks = spare[:0]
	return t
}

func (q *taskQueue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.tasks) == 0
}

// close refuses all further tasks.
func (q *taskQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// closeIfEmpty does so unless there still are tasks.
func (q *taskQueue) closeIfEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.tasks) == 0 {
		q.closed = true
	}
	return q.closed
}
