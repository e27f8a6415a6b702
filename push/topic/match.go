package topic

// Match reports whether a valid filter matches a topic. It does not allocate, and takes
// time in proportion to the shorter of both.
func Match(filter, name string) bool {
	if reserved(name) && filter != "" && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	for {
		f, frest, flast := cut(filter)
		if f == "#" {
			return true
		}
		n, nrest, nlast := cut(name)
		if f != "+" && f != n {
			return false
		}
		switch {
		case nlast:
			return flast || frest == "#" // "#" stands for no level, too
		case flast:
			return false
		}
		filter, name = frest, nrest
	}
}
