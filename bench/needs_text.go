//go:build unix

package main

import (
	"fmt"
	"io"
	"strings"
)

// writeText writes a table of the limits, then what follows from it.
func (n *needs) writeText(w io.Writer) error {
	lines := [][]string{{"limit", "have", "need", "allows"}}
	for _, l := range n.Limits {
		name := l.Name
		if l.short() {
			name += " *"
		}
		lines = append(lines, []string{name, l.amount(l.Have), l.amount(l.Need), l.allows()})
	}
	if err := writeAligned(w, lines); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s", n.verdict())
	return err
}

// amount shows a quantity in the unit of the limit.
func (l limit) amount(v int64) string {
	switch {
	case v >= unlimited:
		return "unlimited"
	case l.Unit == "bytes":
		return number(float64(v)/(1<<30), 2) + " GiB"
	}
	return number(float64(v), 0)
}

// verdict says in a line what is possible here, and then what to change.
func (n *needs) verdict() string {
	var b strings.Builder
	want := number(float64(n.Conns), 0)
	if n.possible() >= n.Conns {
		fmt.Fprintf(&b, "%s connections are possible here, with %s and %s.\n", want,
			plural(n.Servers, "server process"), plural(n.Loads, "load process"))
	} else {
		var each []string
		for _, mode := range n.modes() {
			possible := "all of them"
			if l := n.narrowest(mode); l.Possible < n.Conns {
				possible = l.allows() + " (" + strings.TrimSuffix(l.Name, ", "+l.Mode) + ")"
			}
			each = append(each, strings.TrimLeft(mode+" "+possible, " "))
			if n.possible() == n.possibleForSure() { // the modes have nothing to do with it
				each = []string{possible}
			}
		}
		fmt.Fprintf(&b, "%s connections are too many here. Possible: %s.\n", want, strings.Join(each, ", "))
	}
	for _, l := range n.Limits {
		if l.Advice != "" {
			fmt.Fprintf(&b, "  %s: %s\n", l.Name, l.Advice)
		}
	}
	return b.String()
}

// allows shows how many connections a limit allows, and of a guess only what may
// be believed of it.
func (l limit) allows() string {
	switch {
	case l.Possible >= anyConns:
		return "any"
	case l.Hard || l.Possible < 10_000:
		return number(float64(l.Possible), 0)
	}
	return "about " + number(float64(l.Possible/1000*1000), 0)
}

func plural(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"):
		what += "es"
	default:
		what += "s"
	}
	return number(float64(n), 0) + " " + what
}
