package topic

// Covers reports whether every topic that wanted matches is matched by granted, both
// being valid filters. It does not allocate.
//
// It is exact: "+/#" covers "#" and the other way round, since every topic has a first
// level, and "#" does not cover "$x/a", which it does not match.
func Covers(granted, wanted string) bool {
	if reserved(wanted) && granted != "" && (granted[0] == '+' || granted[0] == '#') {
		return false
	}
	// What "#" in wanted stands for is not empty at the beginning, nor behind a
	// first level that is empty: there is no topic "".
	for some := true; ; {
		g, grest, glast := cut(granted)
		if g == "#" {
			return true
		}
		w, wrest, wlast := cut(wanted)
		if w == "#" {
			return some && g == "+" && grest == "#"
		}
		if g != "+" && g != w {
			return false
		}
		switch {
		case wlast:
			return glast || grest == "#"
		case glast:
			return false
		}
		some = some && w == "" && wrest == "#" // never again behind a second level
		granted, wanted = grest, wrest
	}
}
