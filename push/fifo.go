package push

// fifo is a queue. The zero value is an empty one; it gives its memory back when it is
// empty.
type fifo[T any] struct {
	items []T
	first int
}

func (q *fifo[T]) len() int  { return len(q.items) - q.first }
func (q *fifo[T]) push(x T)  { q.items = append(q.items, x) }
func (q *fifo[T]) front() *T { return &q.items[q.first] }

// all returns the items, in order.
func (q *fifo[T]) all() []T { return q.items[q.first:] }

func (q *fifo[T]) pop() T {
	var none T
	x := q.items[q.first]
	q.items[q.first] = none
	q.first++
	switch {
	case q.first == len(q.items):
		if q.items, q.first = q.items[:0], 0; cap(q.items) > 64 {
			q.items = nil
		}
	case q.first > 32 && q.first > len(q.items)/2:
		n := copy(q.items, q.items[q.first:])
		clear(q.items[n:])
		q.items, q.first = q.items[:n], 0
	}
	return x
}
