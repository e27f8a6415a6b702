// Package topic has the names of topics and the filters that match them, in the manner
// of MQTT (5.0, section 4.7): levels between slashes, "+" for any one level, "#" at the
// end for any number, none included: "sensor/#" matches "sensor" too. A wildcard in the
// first level does not match a first level that begins with "$".
//
// Levels may be empty: "/a" has two. Names are compared byte by byte.
//
// [Set] and [Tree] are for finding subscribers: ids by filter.
package topic

import "strings"

// Wildcard reports whether a filter has wildcards.
func Wildcard(filter string) bool {
	return strings.IndexByte(filter, '#') >= 0 || strings.IndexByte(filter, '+') >= 0
}

// cut returns the first level of a name or filter, and the others. last is true if
// there are no others: "a" has none behind it, "a/" has one, which is empty.
func cut(s string) (level, rest string, last bool) {
	i := strings.IndexByte(s, '/')
	if i < 0 {
		return s, "", true
	}
	return s[:i], s[i+1:], false
}

// reserved reports whether the first level of a topic is closed to wildcards.
func reserved(name string) bool { return name != "" && name[0] == '$' }
