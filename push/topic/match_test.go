package topic_test

import (
	"strings"
	"testing"

	"github.com/weir-go/weir/push/topic"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		filter string
		match  string // topics, with blanks between
		not    string
	}{
		// MQTT 5.0, 4.7.1.2.
		{"sport/tennis/player1/#", "sport/tennis/player1 sport/tennis/player1/ranking sport/tennis/player1/score/wimbledon", "sport/tennis/player2 sport/tennis sport/tennis/player11"},
		{"sport/#", "sport sport/ sport/a", "sports Sport /sport"},
		{"#", "a / /a a/b a/$b", "$a $a/b $"},
		// 4.7.1.3.
		{"sport/tennis/+", "sport/tennis/player1 sport/tennis/player2 sport/tennis/", "sport/tennis/player1/ranking sport/tennis"},
		{"sport/+", "sport/", "sport"},
		{"+", "a ü", "/a a/ $a"},
		{"+/+", "/finance a/b /", "$a/b /a/b"},
		{"/+", "/finance / /$a", "finance //"},
		{"+/tennis/#", "a/tennis a/tennis/b /tennis", "a/b $a/tennis"},
		{"sport/+/player1", "sport/tennis/player1 sport//player1", "sport/player1 sport/a/b/player1"},
		{"+/#", "a a/b a/b/c /", "$a $a/b"},
		{"a/+/#", "a/b a/b/c a/ a//", "a b"},
		// 4.7.2.
		{"+/monitor/Clients", "a/monitor/Clients", "$SYS/monitor/Clients"},
		{"$SYS/#", "$SYS $SYS/ $SYS/a/b", "SYS $SYSx"},
		{"$SYS/monitor/+", "$SYS/monitor/Clients", "$SYS/monitor"},
		// 4.7.3.
		{"ACCOUNTS", "ACCOUNTS", "Accounts /ACCOUNTS ACCOUNTS/"},
		{"/", "/", "// a"},
		{"//#", "/ // //a", "/a a//"},
	} {
		if err := topic.CheckFilter(c.filter, 99); err != nil {
			t.Error(err)
		}
		for _, name := range strings.Fields(c.match) {
			if !topic.Match(c.filter, name) {
				t.Errorf("%q does not match %q", c.filter, name)
			}
		}
		for _, name := range strings.Fields(c.not) {
			if topic.Match(c.filter, name) {
				t.Errorf("%q matches %q", c.filter, name)
			}
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		topic.Match("a/+/c/#", "a/b/c/d/e")
		topic.Covers("a/+/#", "a/b/+")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
