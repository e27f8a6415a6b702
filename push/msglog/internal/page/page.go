// Package page collects a page of a sorted list from things that come in no order, and
// perhaps twice.
package page

import (
	"slices"
	"strings"
)

// Page holds the first Max of the named things that were added.
type Page[T any] struct {
	Prefix string
	After  string
	Max    int
	Name   func(*T) string

	found []T
}

// Wants tells whether a name may be on the page.
func (p *Page[T]) Wants(name string) bool {
	return name > p.After && strings.HasPrefix(name, p.Prefix)
}

// Add adds a thing that is wanted.
func (p *Page[T]) Add(v T) {
	p.found = append(p.found, v)
	if len(p.found) > 4*max(p.Max, 0)+1024 {
		p.cut()
	}
}

// Append appends the page to dst.
func (p *Page[T]) Append(dst []T) []T {
	p.cut()
	return append(dst, p.found...)
}

func (p *Page[T]) cut() {
	slices.SortStableFunc(p.found, func(a, b T) int { return strings.Compare(p.Name(&a), p.Name(&b)) })
	p.found = slices.CompactFunc(p.found, func(a, b T) bool { return p.Name(&a) == p.Name(&b) })
	p.found = p.found[:min(len(p.found), max(p.Max, 0))]
}
