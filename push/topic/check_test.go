package topic_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/weir-go/weir/push/topic"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		s            string
		name, filter string // "": valid, or a part of the error
	}{
		{"a", "", ""},
		{"/", "", ""},
		{"//", "", ""},
		{"sensor/1/temp", "", ""},
		{"a b/ü/☃", "", ""},
		{"$weir/stats", "", ""},
		{strings.Repeat("x", 20), "", ""},
		{"", "empty", "empty"},
		{strings.Repeat("x", 21), "21 bytes", "21 bytes"},
		{"a\x00b", "NUL at byte 1", "NUL at byte 1"},
		{"a/\xff", "not UTF-8", "not UTF-8"},
		{"\xed\xa0\x80", "not UTF-8", "not UTF-8"}, // a surrogate
		{"+", "only filters", ""},
		{"#", "only filters", ""},
		{"a/+/b", "only filters", ""},
		{"+/+", "only filters", ""},
		{"a/#", "only filters", ""},
		{"/#", "only filters", ""},
		{"+/", "only filters", ""},
		{"a+", "only filters", "'+' at byte 1 is not alone"},
		{"+a", "only filters", "'+' at byte 0 is not alone"},
		{"a/b+/c", "only filters", "not alone"},
		{"++", "only filters", "not alone"},
		{"a#", "only filters", "not alone"},
		{"#a", "only filters", "not alone"},
		{"+#", "only filters", "not alone"},
		{"#/", "only filters", "not in the last"},
		{"a/#/b", "only filters", "\"#\" at byte 2 is not in the last"},
		{"#/#", "only filters", "not in the last"},
	} {
		for _, f := range []struct {
			check func(string, int) error
			want  string
		}{{topic.Check, c.name}, {topic.CheckFilter, c.filter}} {
			err := f.check(c.s, 20)
			if f.want == "" {
				if err != nil {
					t.Errorf("%q: %v", c.s, err)
				}
			} else if !errors.Is(err, topic.ErrInvalid) || !strings.Contains(err.Error(), f.want) {
				t.Errorf("%q: error %v, want one with %q", c.s, err, f.want)
			}
		}
	}
}

func TestWildcard(t *testing.T) {
	for s, want := range map[string]bool{"a": false, "/": false, "$a": false, "+": true, "#": true, "a/+/b": true, "a/#": true} {
		if topic.Wildcard(s) != want {
			t.Errorf("Wildcard(%q) is %v", s, !want)
		}
	}
}
