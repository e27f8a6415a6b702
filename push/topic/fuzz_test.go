package topic_test

import (
	"testing"

	"github.com/weir-go/weir/push/topic"
)

// What Match, Covers and Tree say of valid filters and topics fits together, and
// nothing panics with those that are not.
func FuzzFilters(f *testing.F) {
	f.Add("a/#", "a/+", "a/b")
	f.Add("+/#", "#", "a")
	f.Add("/+/#", "/#", "/")
	f.Add("#", "$x/#", "$x/a")
	f.Add("a/+/c", "#/a", "\xff")
	f.Fuzz(func(t *testing.T, granted, wanted, name string) {
		match, covers := topic.Match(wanted, name), topic.Covers(granted, wanted)
		var tree topic.Tree
		tree.Add(wanted, 1)
		found := len(tree.Match(name, nil)) == 1
		if !tree.Remove(wanted, 1) || tree.Filters() != 0 {
			t.Fatalf("%q cannot be removed", wanted)
		}
		if topic.CheckFilter(wanted, 99) != nil || topic.Check(name, 99) != nil {
			return
		}
		if found != match {
			t.Fatalf("tree of %q finds %q: %v", wanted, name, found)
		}
		if topic.CheckFilter(granted, 99) != nil {
			return
		}
		if covers && match && !topic.Match(granted, name) {
			t.Fatalf("%q covers %q but does not match %q", granted, wanted, name)
		}
		if !topic.Wildcard(wanted) && covers != topic.Match(granted, wanted) {
			t.Fatalf("Covers(%q, %q) is %v, Match is not", granted, wanted, covers)
		}
	})
}
