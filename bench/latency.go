//go:build unix

package main

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies are kept in nanoseconds, from 1 us to 60 s with three digits. What
// lies outside is counted at the end of the range that it passes.
const (
	minLatency    = int64(time.Microsecond)
	maxLatency    = int64(time.Minute)
	latencyDigits = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(minLatency, maxLatency, latencyDigits)
}

// encodeHistogram makes the text that HdrHistogram's tools of every language
// exchange: base64 of the compressed V2 encoding.
func encodeHistogram(h *hdrhistogram.Histogram) (string, error) {
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return string(text), err
}

func decodeHistogram(text string) (*hdrhistogram.Histogram, error) {
	return hdrhistogram.Decode([]byte(text))
}

// A histogram gives quantiles in microseconds.
type histogram struct{ *hdrhistogram.Histogram }

func (h histogram) micros(percent float64) float64 {
	if percent >= 100 {
		return float64(h.Max()) / 1e3
	}
	return float64(h.ValueAtQuantile(percent)) / 1e3
}

// quantiles is decodeHistogram for reading. No text is nothing recorded.
func quantiles(text string) (histogram, error) {
	if text == "" {
		return histogram{newHistogram()}, nil
	}
	h, err := decodeHistogram(text)
	return histogram{h}, err
}
