package page

import "math"

// Slice is how many topics are looked at with a lock held, and limit how many at all.
const (
	Slice = 1024
	limit = 32 * Slice
)

// Missing looks for a topic that matches among those that have lost messages. part
// appends the names of such topics among the next Slice below index i, and returns the
// index to go on with, 0 at the end; sure says that the answer is yes. match is called
// between the parts.
func Missing(match func(string) bool, part func(i int, names []string) (_ []string, next int, sure bool)) bool {
	var names []string
	i := math.MaxInt
	for looked := 0; i > 0; looked += Slice {
		if looked >= limit {
			return true
		}
		var sure bool
		if names, i, sure = part(i, names[:0]); sure {
			return true
		}
		for _, name := range names {
			if match(name) {
				return true
			}
		}
	}
	return false
}
