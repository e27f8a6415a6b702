package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-go/weir/push"
)

const prefix = "weir_push_"

// number is what Stats have.
type number interface {
	~int | ~int64 | ~uint64 | ~float64
}

// family is a metric with the figures of an S that it has, one for each set of labels.
type family[S any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	each func(s *S, add func(v float64, labels ...string))
}

func describe[S any](out chan<- *prometheus.Desc, families []family[S]) {
	for _, f := range families {
		out <- f.desc
	}
}

// collect sends the figures of s. first are values of labels that all of them have.
func collect[S any](out chan<- prometheus.Metric, families []family[S], s *S, first ...string) {
	for _, f := range families {
		f.each(s, func(v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, v, append(first[:len(first):len(first)], labels...)...)
		})
	}
}

// several makes a family with labels.
func several[S any](kind prometheus.ValueType, name, help string, labels []string, each func(s *S, add func(v float64, labels ...string))) family[S] {
	return family[S]{prometheus.NewDesc(prefix+name, help, labels, nil), kind, each}
}

// gauge and counter make a family of one figure, with labels that are given to collect.
func gauge[S any, N number](name, help string, value func(s *S) N, labels ...string) family[S] {
	return several(prometheus.GaugeValue, name, help, labels, one(value))
}

func counter[S any, N number](name, help string, value func(s *S) N, labels ...string) family[S] {
	return several(prometheus.CounterValue, name, help, labels, one(value))
}

func one[S any, N number](value func(s *S) N) func(s *S, add func(v float64, labels ...string)) {
	return func(s *S, add func(v float64, labels ...string)) { add(float64(value(s))) }
}

// histogram is a metric that is a push.Histogram.
type histogram struct {
	desc *prometheus.Desc
	of   func(s *push.Stats) push.Histogram
}

func newHistogram(name, help string, of func(s *push.Stats) push.Histogram) histogram {
	return histogram{prometheus.NewDesc(prefix+name, help, nil, nil), of}
}

// metric adds the buckets up, as Prometheus has them.
func (h histogram) metric(v push.Histogram) prometheus.Metric {
	var count uint64
	buckets := make(map[float64]uint64, len(v.Bounds))
	for i, n := range v.Counts {
		if count += n; i < len(v.Bounds) {
			buckets[v.Bounds[i]] = count
		}
	}
	return prometheus.MustNewConstHistogram(h.desc, count, v.Sum, buckets)
}
