package topic_test

import (
	"testing"

	"github.com/weir-go/weir/push/topic"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		granted, wanted string
		want            bool
	}{
		{"a", "a", true},
		{"a", "b", false},
		{"a", "+", false},
		{"#", "a/+/#", true},
		{"#", "+/#", true},
		{"+/#", "#", true}, // every topic has a first level
		{"+", "#", false},
		{"+/+", "+/#", false},
		{"a/#", "a", true},
		{"a/#", "a/+", true},
		{"a/#", "a/#", true},
		{"a/+", "a/#", false},
		{"a/+", "a", false},
		{"a/+/#", "a/#", false}, // not "a"
		{"/+/#", "/#", true},    // there is no topic ""
		{"+/+/#", "/#", true},
		{"#", "$x/a", false},
		{"+/a", "$x/a", false},
		{"$x/#", "$x/a", true},
		{"$x/#", "$x", true},
		{"$x/#", "#", false},
		{"/#", "#", false},
		{"a/+/c", "a/b/c", true},
		{"a/b/c", "a/+/c", false},
	} {
		if got := topic.Covers(c.granted, c.wanted); got != c.want {
			t.Errorf("Covers(%q, %q) is %v", c.granted, c.wanted, got)
		}
	}
}

// Covers says what Match does, for all small filters and topics.
func TestCoversIsExact(t *testing.T) {
	names, filters := allTopics(4), allFilters(3)
	matches := make([][]bool, len(filters))
	for i, f := range filters {
		matches[i] = make([]bool, len(names))
		for j, name := range names {
			matches[i][j] = topic.Match(f, name)
		}
	}
	for g, granted := range filters {
		for w, wanted := range filters {
			want := true
			for j := range names {
				if matches[w][j] && !matches[g][j] {
					want = false
					break
				}
			}
			if got := topic.Covers(granted, wanted); got != want {
				t.Errorf("Covers(%q, %q) is %v", granted, wanted, got)
			}
		}
	}
}
