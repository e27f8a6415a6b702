// Package topic has the names of topics and the filters that match them, in the manner
// of MQTT (5.0, section 4.7): levels between slashes, "+" for any one level, "#" at the
// end for any number, none included: "sensor/#" matches "sensor" too. A wildcard in the
// first level does not match a first level that begins with "$".
package topic

import "errors"

// ErrInvalid is wrapped by the errors of Check and CheckFilter.
var ErrInvalid = errors.New("push: invalid topic")

// Check returns nil for a topic: UTF-8, 1 to max bytes, without NUL, "+" and "#".
func Check(name string, max int) error { panic("topic") }

// CheckFilter returns nil for a filter, which may be a topic.
func CheckFilter(filter string, max int) error { panic("topic") }

// Wildcard reports whether a filter has wildcards.
func Wildcard(filter string) bool { panic("topic") }

// Match reports whether a valid filter matches a topic. It does not allocate.
func Match(filter, name string) bool { panic("topic") }

// Covers reports whether every topic that wanted matches is matched by granted, both
// being valid filters.
func Covers(granted, wanted string) bool { panic("topic") }
