package topic

import "strings"

// Tree maps filters to sets of ids, and finds the ids of all filters that match a
// topic. The zero value is empty, ready to be used. It is not safe for concurrent use.
//
// A node stands for the levels that lead to it. Its memory is that of the distinct
// levels: a node of some 100 bytes and an entry in its parent's map.
type Tree struct {
	root    node
	ids     int
	filters int
}

type node struct {
	children map[string]*node // by level; nil if there are none
	plus     *node            // the level "+"
	here     Set              // ids of the filter that ends with this node
	below    Set              // ids of the filter that has only "#" behind it
}

// Len returns how many pairs of a filter and an id there are.
func (t *Tree) Len() int { return t.ids }

// Filters returns how many filters have ids.
func (t *Tree) Filters() int { return t.filters }

// Add adds an id to a valid filter and reports whether it is new. 0 is not added.
func (t *Tree) Add(filter string, id uint32) bool {
	if id == 0 {
		return false
	}
	n := &t.root
	for level, rest, last := cut(filter); ; level, rest, last = cut(rest) {
		if level == "#" {
			return t.added(&n.below, id)
		}
		n = n.make(level)
		if last {
			return t.added(&n.here, id)
		}
	}
}

func (t *Tree) added(s *Set, id uint32) bool {
	if !s.Add(id) {
		return false
	}
	t.ids++
	if s.Len() == 1 {
		t.filters++
	}
	return true
}

// Remove removes an id from a filter and reports whether it was there. Nothing is left
// of a filter without ids.
func (t *Tree) Remove(filter string, id uint32) bool { return t.remove(&t.root, filter, false, id) }

// remove removes an id from the filter of which n has led to rest.
func (t *Tree) remove(n *node, rest string, end bool, id uint32) bool {
	if end {
		return t.removed(&n.here, id)
	}
	level, rest, last := cut(rest)
	if level == "#" {
		return t.removed(&n.below, id)
	}
	child := n.child(level)
	if child == nil || !t.remove(child, rest, last, id) {
		return false
	}
	if child.empty() {
		n.drop(level)
	}
	return true
}

func (t *Tree) removed(s *Set, id uint32) bool {
	if !s.Remove(id) {
		return false
	}
	t.ids--
	if s.Len() == 0 {
		t.filters--
	}
	return true
}

// Match appends the ids of all filters that match a topic to dst, an id once for each
// of its filters. It allocates nothing beyond dst. No node is visited twice, so that
// the time is bounded by how many there are, whatever the filters.
func (t *Tree) Match(name string, dst []uint32) []uint32 {
	if !reserved(name) {
		return t.root.match(name, false, dst)
	}
	level, rest, last := cut(name)
	if c := t.root.children[level]; c != nil {
		dst = c.match(rest, last, dst)
	}
	return dst
}

func (n *node) match(rest string, end bool, dst []uint32) []uint32 {
	dst = n.below.Append(dst)
	if end {
		return n.here.Append(dst)
	}
	level, rest, last := cut(rest)
	if c := n.children[level]; c != nil {
		dst = c.match(rest, last, dst)
	}
	if n.plus != nil {
		dst = n.plus.match(rest, last, dst)
	}
	return dst
}

func (n *node) empty() bool {
	return len(n.children) == 0 && n.plus == nil && n.here.Len() == 0 && n.below.Len() == 0
}

func (n *node) child(level string) *node {
	if level == "+" {
		return n.plus
	}
	return n.children[level]
}

// make returns a child, a new one if need be.
func (n *node) make(level string) *node {
	if c := n.child(level); c != nil {
		return c
	}
	c := new(node)
	if level == "+" {
		n.plus = c
		return c
	}
	if n.children == nil {
		n.children = make(map[string]*node)
	}
	n.children[strings.Clone(level)] = c // a part of the filter would keep all of it
	return c
}

func (n *node) drop(level string) {
	if level == "+" {
		n.plus = nil
		return
	}
	if delete(n.children, level); len(n.children) == 0 {
		n.children = nil // maps do not shrink
	}
}
