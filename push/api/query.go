package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// query are the parameters of a request, those that are known to it.
type query struct {
	url.Values
	max int // of limit
}

func (c *call) query(known []string) (query, error) {
	v, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return query{}, malformed("the query cannot be decoded")
	}
	for name, values := range v {
		if !slices.Contains(known, name) {
			return query{}, malformed("unknown parameter %.80q, known are %s", name, strings.Join(known, ", "))
		}
		if len(values) > 1 {
			return query{}, malformed("%s is there %d times", name, len(values))
		}
	}
	return query{v, c.o.MaxLimit}, nil
}

// number returns a number, 0 if it is missing.
func (q query) number(name string) (uint64, error) {
	s := q.Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 53) // what a JSON number holds
	if err != nil {
		return 0, malformed("%s has to be a whole number from 0 on, below 1<<53", name)
	}
	return n, nil
}

// limit returns how long a list may be.
func (q query) limit() (int, error) {
	if q.Get("limit") == "" {
		return min(100, q.max), nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > q.max {
		return 0, malformed("limit has to be a number from 1 to %d", q.max)
	}
	return n, nil
}
