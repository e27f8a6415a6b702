//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A result is the content of one file. One of the two is set.
type result struct {
	file    string
	tables  *report        // of echo, http, ws
	million *millionReport // of million, scale, push
}

func (r *result) machine() machine {
	if r.million != nil {
		return r.million.Machine
	}
	return r.tables.Machine
}

// name is what files that belong to the result are called.
func (r *result) name() string {
	base := filepath.Base(r.file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

func readResults(files []string, mixed bool) ([]*result, error) {
	if len(files) == 0 {
		return nil, errors.New("no file: name one or more results, as -json of the other subcommands writes them")
	}
	var results []*result
	for _, file := range files {
		r, err := readResult(file)
		if err != nil {
			return nil, err
		}
		if !mixed && len(results) > 0 {
			if err := sameOrigin(results[0], r); err != nil {
				return nil, err
			}
		}
		results = append(results, r)
	}
	return results, nil
}

func readResult(file string) (*result, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var head struct {
		Benchmark string `json:"benchmark"`
	}
	var all any
	if err := errors.Join(json.Unmarshal(content, &all), json.Unmarshal(content, &head)); err != nil {
		return nil, fmt.Errorf("%s is not a result of bench: %w", file, err)
	}
	if listsNull(all) {
		return nil, fmt.Errorf("%s is not a result of bench: a list in it holds null", file)
	}
	r := &result{file: file}
	switch b, err := findBenchmark(head.Benchmark); {
	case head.Benchmark == "million", head.Benchmark == "scale", head.Benchmark == pushName:
		r.million = new(millionReport)
		if err := decodeResult(file, content, r.million); err != nil {
			return nil, err
		}
		if len(r.million.Groups) == 0 {
			return nil, fmt.Errorf("%s holds no figures", file)
		}
		for _, g := range r.million.Groups {
			if len(g.Modes) == 0 {
				return nil, fmt.Errorf("%s holds no figures of %s connections", file, count3(g.Conns))
			}
			g.summarize()
		}
	case err == nil:
		r.tables = new(report)
		if err := decodeResult(file, content, r.tables); err != nil {
			return nil, err
		}
		if len(r.tables.Tables) == 0 {
			return nil, fmt.Errorf("%s holds no figures", file)
		}
		for _, t := range r.tables.Tables {
			t.unit, t.bases = b.unit, b.bases
		}
	case head.Benchmark == "":
		return nil, fmt.Errorf("%s is not a result of bench: it names no benchmark", file)
	default:
		return nil, fmt.Errorf("%s: unknown benchmark %q; there are %s", file, head.Benchmark, strings.Join(resultNames(), ", "))
	}
	return r, nil
}

// listsNull finds a hole in a list of v, which bench never writes and nobody who
// goes through the list expects.
func listsNull(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.Contains(v, nil) || slices.ContainsFunc(v, listsNull)
	case map[string]any:
		for _, element := range v {
			if listsNull(element) {
				return true
			}
		}
	}
	return false
}

func resultNames() []string {
	var names []string
	for _, b := range benchmarks() {
		names = append(names, b.name)
	}
	return append(names, "million", "scale", pushName)
}

// decodeResult is strict: what this program does not know it would leave out of
// the page, and nobody would notice.
func decodeResult(file string, content []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		return nil
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("%s is the result of another version of bench, with the field %s that this one does not know: make the report with the version that measured", file, field)
	}
	return fmt.Errorf("%s cannot be read as a result of this version of bench: %w", file, err)
}

// sameOrigin finds out whether figures may stand side by side. What a result
// does not tell is no difference.
func sameOrigin(a, b *result) error {
	ma, mb := a.machine(), b.machine()
	for _, f := range []struct{ what, a, b string }{
		{"machines", fmt.Sprintf("%s, %d cores", ma.CPU, ma.Cores), fmt.Sprintf("%s, %d cores", mb.CPU, mb.Cores)},
		{"kernels", ma.Kernel, mb.Kernel},
		{"versions of Go", ma.Go, mb.Go},
		{"versions of weir", commitName(ma), commitName(mb)},
	} {
		if f.a != f.b && f.a != "" && f.b != "" {
			return fmt.Errorf("%s and %s come from different %s (%s and %s), so their figures do not compare: measure both again, or say -mixed to have them on one page all the same",
				a.file, b.file, f.what, f.a, f.b)
		}
	}
	return nil
}

// commitName is short for people.
func commitName(m machine) string {
	name := m.Commit[:min(12, len(m.Commit))]
	if m.Modified && name != "" {
		name += ", modified"
	}
	return name
}

// mergeHistograms adds up encoded histograms; nil if there are none.
func mergeHistograms(texts []string) (*hdrhistogram.Histogram, error) {
	var sum *hdrhistogram.Histogram
	for _, text := range texts {
		if text == "" {
			continue
		}
		h, err := decodeHistogram(text)
		if err != nil {
			return nil, fmt.Errorf("a histogram of the result: %w", err)
		}
		if sum == nil {
			sum = h
		} else {
			sum.Merge(h)
		}
	}
	if sum == nil || sum.TotalCount() == 0 {
		return nil, nil
	}
	return sum, nil
}
