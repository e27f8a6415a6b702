// Package metrics exports the counters of a push server, and of what belongs to it, to
// Prometheus.
//
// Names begin with weir_push_. Nothing is counted twice: figures are taken from Stats
// when Prometheus asks. No metric has a label whose values clients choose, so there are
// never more series than some hundreds.
package metrics
