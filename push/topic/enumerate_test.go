package topic_test

import "github.com/weir-go/weir/push/topic"

// enumerate returns all names of 1 to depth levels from an alphabet, but "".
func enumerate(alphabet []string, depth int) (names []string) {
	last := []string{""}
	for d := range depth {
		var next []string
		for _, name := range last {
			for _, level := range alphabet {
				if d > 0 {
					next = append(next, name+"/"+level)
				} else {
					next = append(next, level)
				}
			}
		}
		names, last = append(names, next...), next
	}
	for i, name := range names {
		if name == "" {
			names = append(names[:i], names[i+1:]...)
			break
		}
	}
	return names
}

// Topics have levels that no filter has: "z" and "$z" stand for all those.
func allTopics(depth int) []string { return enumerate([]string{"", "a", "$a", "z", "$z"}, depth) }

func allFilters(depth int) (filters []string) {
	for _, f := range enumerate([]string{"", "a", "$a", "+", "#"}, depth) {
		if topic.CheckFilter(f, 99) == nil {
			filters = append(filters, f)
		}
	}
	return filters
}
