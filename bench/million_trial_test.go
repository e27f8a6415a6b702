//go:build unix

package main

import "testing"

func TestMillionProblem(t *testing.T) {
	for _, test := range []struct {
		name string
		run  millionRun
		want string
	}{
		{"nothing", millionRun{Reached: 100, Idle: &idlePhase{}, Heartbeat: &heartbeatPhase{Pings: 5, Answered: 5}}, ""},
		{"fewer connections", millionRun{Reached: 99, Limit: "memory"}, "99 of 100 connections were reached: memory"},
		{"lost", millionRun{Reached: 100, Idle: &idlePhase{Lost: 1}, Churn: &churnPhase{Lost: 2}, lostBy: "reset by peer"},
			"3 connections or messages were lost: reset by peer"},
		{"pings", millionRun{Reached: 100, Heartbeat: &heartbeatPhase{Pings: 5, Answered: 3}}, "heartbeat: 2 pings were not answered in time"},
		{"silence", millionRun{Reached: 100, Heartbeat: &heartbeatPhase{Silent: 2, Found: 1}}, "heartbeat: only 1 of 2 silent connections were found"},
	} {
		if got := test.run.problem(100); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// A broadcast is missed by whoever was there before it and has not received it.
func TestBroadcastMissed(t *testing.T) {
	for _, test := range []struct {
		name string
		c    count
		want int64
	}{
		{"all have it", count{Open: 10, Done: 10}, 0},
		{"the server has forgotten one", count{Open: 10, Done: 9}, 1},
		{"one has ended before it came", count{Open: 9, Lost: 1, Done: 9}, 1},
		{"one has ended after it came", count{Open: 9, Lost: 1, Done: 10}, 1},
		{"one of each", count{Open: 9, Lost: 1, Done: 8}, 2},
	} {
		if got := test.c.missed(); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
