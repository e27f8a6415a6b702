//go:build unix

package main

import "fmt"

// grows tells whether it is about how figures grow with the number of connections.
func (m *millionReport) grows() bool { return len(m.Groups) > 1 && m.Settings.Push == nil }

// A phaseCurve is the latencies that a phase has found.
type phaseCurve struct {
	name, title string
	histogram   func(*millionRun) string // "": the run has not reached it
}

func phaseCurves() []phaseCurve {
	return []phaseCurve{
		{"latency", "Latency at a constant rate", func(r *millionRun) string {
			if r.Active == nil {
				return ""
			}
			return r.Active.Histogram
		}},
		{"deliver", "From the publication's planned moment to its receipt", func(r *millionRun) string {
			if r.Deliver == nil {
				return ""
			}
			return r.Deliver.Histogram
		}},
		{"herd", "From the return of the herd until a client has what it has missed", func(r *millionRun) string {
			if r.Herd == nil {
				return ""
			}
			return r.Herd.Histogram
		}},
	}
}

// pushFacts tells the settings of push.
func pushFacts(s millionSettings) []fact {
	p := s.Push
	if p == nil {
		return nil
	}
	rate := "as many as are delivered"
	if p.Rate > 0 {
		rate = inRates.format(p.Rate)
	}
	return []fact{
		{"publications", fmt.Sprintf("%s B, %s, QoS %d, for %v after %v of warm-up", count3(s.Size), rate, p.QoS, seconds(s.ActiveSeconds), seconds(s.WarmupSeconds))},
		{"herd", fmt.Sprintf("misses %s messages on each topic, %s connections opened at a time", count3(p.Missed), count3(p.AtOnce))},
	}
}
