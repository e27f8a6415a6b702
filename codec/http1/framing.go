package http1

// framing is what a head says about its framing and its connection: the fields
// that matter to the server itself, noted as they go by.
type framing struct {
	flags  uint32
	host   []byte
	length int64
}

const (
	tooMany = 1 << iota
	hasHost
	hasLength
	hasCoding
	oddHost
	oddLength
	oddCoding // other than one "chunked"
	oddExpect
	isClose
	isKeepAlive
	isUpgrade
	isExpect
	hasTrailer
)

func (f *framing) set(flag uint32) { f.flags |= flag }

func (f *framing) has(flag uint32) bool { return f.flags&flag != 0 }

// once sets flag, and again if it was set before.
func (f *framing) once(flag, again uint32) {
	if f.has(flag) {
		f.set(again)
	}
	f.set(flag)
}

func (f *framing) note(name, value []byte) {
	switch name[0] | 0x20 {
	case 'h':
		if is(name, "host") {
			f.once(hasHost, oddHost)
			f.host = value
		}
	case 'c':
		switch {
		case is(name, "connection"):
			f.noteConnection(value)
		case is(name, "content-length"):
			f.once(hasLength, oddLength)
			n, ok := parseLength(value)
			if !ok {
				n = -1
			}
			f.length = n
		}
	case 't':
		switch {
		case is(name, "transfer-encoding"):
			f.once(hasCoding, oddCoding)
			if !is(value, "chunked") {
				f.set(oddCoding)
			}
		case is(name, "trailer"):
			f.set(hasTrailer)
		}
	case 'e':
		if is(name, "expect") && len(value) > 0 {
			if is(value, "100-continue") {
				f.set(isExpect)
			} else {
				f.set(oddExpect)
			}
		}
	}
}

// noteConnection notes the connection options of RFC 9110, 7.6.1.
func (f *framing) noteConnection(list []byte) {
	for list != nil {
		var option []byte
		option, list = nextElement(list)
		switch {
		case is(option, "keep-alive"):
			f.set(isKeepAlive)
		case is(option, "close"):
			f.set(isClose)
		case is(option, "upgrade"):
			f.set(isUpgrade)
		}
	}
}

// settle judges the head as a whole, and fills in what follows from it.
func (r *Request) settle(f *framing) error {
	if f.flags&(tooMany|hasCoding|oddHost|oddLength|oddExpect) != 0 || f.has(hasLength) && f.length < 0 {
		if err := r.refuse(f); err != nil {
			return err
		}
	}
	if f.has(hasHost) {
		if !validHost(f.host) {
			return errHost
		}
		if r.Host == nil {
			r.Host = f.host
		}
	} else if r.Minor > 0 {
		return errNoHost
	}
	r.ContentLength = f.length
	r.Chunked = f.has(hasCoding)
	body := r.Chunked || f.length > 0
	if r.Minor > 0 {
		r.Close = f.has(isClose)
		r.KeepAlive = false
		r.Upgrade = f.has(isUpgrade)
		r.Expect100 = f.has(isExpect) && body
		return nil
	}
	// HTTP/1.0 knows neither Upgrade (RFC 9110, 7.8) nor Expect (10.1.1).
	r.KeepAlive = f.has(isKeepAlive) && !f.has(isClose)
	r.Close = !r.KeepAlive
	r.Upgrade, r.Expect100 = false, false
	return nil
}

// refuse returns what is wrong with a head that is out of the ordinary; it may
// be nothing. What might be smuggling comes first.
func (r *Request) refuse(f *framing) error {
	switch {
	case f.has(tooMany):
		return errTooMany
	case f.has(hasCoding) && f.has(hasLength):
		return errBoth
	case f.has(hasCoding) && r.Minor == 0:
		return errCoding10
	case f.has(oddLength):
		return errLengths
	case f.has(hasLength) && f.length < 0:
		return errLength
	case f.has(oddHost):
		return errHosts
	case f.has(oddCoding):
		return r.refuseCoding()
	case f.has(oddExpect):
		return errExpect
	}
	if f.has(hasCoding) && f.has(hasTrailer) {
		return r.checkAnnounced()
	}
	return nil
}

// refuseCoding tells codings that are not known from lists that could not be
// right with any: RFC 9112, 6.1 and 6.3.
func (r *Request) refuseCoding() error {
	chunked := false
	var err error
	for i := range r.Headers {
		h := &r.Headers[i]
		if !is(h.Name, "transfer-encoding") {
			continue
		}
		for list := h.Value; list != nil; {
			var coding []byte
			coding, list = nextElement(list)
			switch {
			case chunked || !isToken(coding):
				return errCoding
			case is(coding, "chunked"):
				chunked = true
			default:
				err = errNotChunked
			}
		}
	}
	return err
}

func isToken(b []byte) bool {
	for _, c := range b {
		if class[c]&inToken == 0 {
			return false
		}
	}
	return len(b) > 0
}

// checkAnnounced refuses a Trailer field that announces what must not be in a
// trailer section.
func (r *Request) checkAnnounced() error {
	for i := range r.Headers {
		h := &r.Headers[i]
		if !is(h.Name, "trailer") {
			continue
		}
		for list := h.Value; list != nil; {
			var name []byte
			name, list = nextElement(list)
			if forbiddenTrailer(name) {
				return errAnnounced
			}
		}
	}
	return nil
}

// forbiddenTrailer reports whether a field could change, once behind the body,
// where the message ends, where it goes or what becomes of the connection
// (RFC 9110, 6.5.1).
func forbiddenTrailer(name []byte) bool {
	switch len(name) {
	case 2:
		return equalFold(name, "te")
	case 4:
		return equalFold(name, "host")
	case 6:
		return equalFold(name, "expect")
	case 7:
		return equalFold(name, "trailer") || equalFold(name, "upgrade")
	case 10:
		return equalFold(name, "connection") || equalFold(name, "keep-alive")
	case 14:
		return equalFold(name, "content-length")
	case 17:
		return equalFold(name, "transfer-encoding")
	}
	return false
}
