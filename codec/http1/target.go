package http1

import "bytes"

// pathEnd returns where the path at b[i] ends. A '%' that no two hex digits
// follow ends it as well, and is no end that a target may have.
func pathEnd(b []byte, i int) int {
	for i < len(b) {
		switch c := b[i]; {
		case class[c]&inPath != 0:
			i++
		case c == '%' && len(b)-i > 2 && class[b[i+1]]&class[b[i+2]]&isHex != 0:
			i += 3
		default:
			return i
		}
	}
	return i
}

// queryEnd returns where the query at b[i] ends. What a '%' in it means is left
// to the application, as net/http does.
func queryEnd(b []byte, i int) int {
	for i < len(b) && class[b[i]]&inQuery != 0 {
		i++
	}
	return i
}

// parseTarget reads a target that is not in origin-form, or that of CONNECT:
// RFC 9112, 3.2.
func (r *Request) parseTarget() error {
	t := r.Target
	switch {
	case string(r.Method) == "CONNECT":
		// authority-form, in which the port must be there: RFC 9110, 9.3.6.
		r.path, r.query = nil, nil
		colon := bytes.LastIndexByte(t, ':')
		if colon <= 0 || colon == len(t)-1 || !validHost(t) {
			return errAuthority
		}
		r.Host = t
	case string(t) == "*":
		if string(r.Method) != "OPTIONS" {
			return errTarget
		}
		r.path = t
	default:
		return r.parseAbsolute()
	}
	return nil
}

// parseAbsolute reads a target in absolute-form, scheme "://" authority
// path-abempty [ "?" query ], of any scheme: RFC 3986, 4.3. Other URIs than
// those with an authority are nothing to ask a server for.
func (r *Request) parseAbsolute() error {
	t := r.Target
	scheme := bytes.IndexByte(t, ':')
	if scheme <= 0 || len(t)-scheme < 4 || t[scheme+1] != '/' || t[scheme+2] != '/' {
		return errTarget
	}
	for i, c := range t[:scheme] {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || class[c]&isDigit == 0 && c != '+' && c != '-' && c != '.') {
			return errTarget
		}
	}
	i := scheme + len("://")
	end := i
	for end < len(t) && t[end] != '/' && t[end] != '?' {
		end++
	}
	// An empty host is invalid (RFC 9110, 4.2.1), and so, untrusted, is userinfo
	// (4.2.4), which validHost takes for one.
	r.Host = t[i:end:end]
	if len(r.Host) == 0 || r.Host[0] == ':' || !validHost(r.Host) {
		return errAuthority
	}
	start := end
	end = pathEnd(t, start)
	r.path = t[start:end:end]
	if start == end {
		// The path is "/" then: the second slash of the "://" is one to point to.
		r.path = t[i-1 : i : i]
	}
	if end < len(t) {
		if t[end] != '?' {
			return errTarget
		}
		r.query = t[end+1 : len(t) : len(t)]
	}
	return nil
}

// validHost reports whether b is uri-host [ ":" port ], which may be empty
// (RFC 9110, 7.2): reg-name or IPv4address without percent-encoding, or an IPv6
// address in brackets.
func validHost(b []byte) bool {
	i := 0
	for i < len(b) && class[b[i]]&inHost != 0 {
		i++
	}
	if i == 0 && len(b) > 0 && b[0] == '[' {
		i = bytes.IndexByte(b, ']')
		if i < 0 || !validIPv6(b[1:i]) {
			return false
		}
		i++
	}
	if i == len(b) {
		return true
	}
	if b[i] != ':' {
		return false
	}
	for _, c := range b[i+1:] {
		if class[c]&isDigit == 0 {
			return false
		}
	}
	return true
}

// validIPv6 reports whether b is an IPv6address as of RFC 3986, 3.2.2: eight
// groups of up to four hex digits, of which "::" stands for one or more, and the
// last two may be an IPv4 address. A zone is nobody else's business (RFC 6874, 4).
func validIPv6(b []byte) bool {
	groups, gap := 0, false
	i := 0
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap = true
		i = 2
	}
	for i < len(b) {
		start := i
		for i < len(b) && i-start < 4 && class[b[i]]&isHex != 0 {
			i++
		}
		if i == start {
			return false
		}
		if i < len(b) && b[i] == '.' {
			groups += 2
			return validIPv4(b[start:]) && fillsIPv6(groups, gap)
		}
		groups++
		if i == len(b) {
			break
		}
		if b[i] != ':' || i+1 == len(b) || groups == 8 {
			return false
		}
		i++
		if b[i] == ':' {
			if gap {
				return false
			}
			gap = true
			i++
		}
	}
	return fillsIPv6(groups, gap)
}

func fillsIPv6(groups int, gap bool) bool {
	if gap {
		return groups < 8
	}
	return groups == 8
}

// validIPv4 reports whether b is four numbers up to 255, without leading zeros.
func validIPv4(b []byte) bool {
	for n := 0; ; n++ {
		number, i := 0, 0
		for i < len(b) && i < 3 && class[b[i]]&isDigit != 0 {
			number = number*10 + int(b[i]-'0')
			i++
		}
		if i == 0 || number > 255 || i > 1 && b[0] == '0' {
			return false
		}
		if n == 3 || i == len(b) {
			return n == 3 && i == len(b)
		}
		if b[i] != '.' {
			return false
		}
		b = b[i+1:]
	}
}
