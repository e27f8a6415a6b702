package http1

// DefaultMaxHead and DefaultMaxHeaders are the limits in force where [Limits]
// has zeros: 16 KiB and 100 fields.
const (
	DefaultMaxHead    = 16 << 10
	DefaultMaxHeaders = 100
)

// Limits bound the head of a request. The zero value has the defaults.
type Limits struct {
	// MaxHead is the longest head in bytes: request line, fields and the empty
	// line behind them, with all line ends. Zero or less: DefaultMaxHead. What
	// is longer gets 431, or 414 where the request line alone is.
	MaxHead int

	// MaxHeaders is the largest number of field lines. Zero or less:
	// DefaultMaxHeaders. The status is 431.
	MaxHeaders int
}

func (l Limits) head() int {
	if l.MaxHead <= 0 {
		return DefaultMaxHead
	}
	return l.MaxHead
}

func (l Limits) headers() int {
	if l.MaxHeaders <= 0 {
		return DefaultMaxHeaders
	}
	return l.MaxHeaders
}

// Header is a field line, of a head or a trailer section.
type Header struct {
	Name  []byte // as it was sent; case does not matter (RFC 9110, 5.1)
	Value []byte // without the whitespace around it; may be empty, is not nil
}

// Request is the head of a request. The zero value is ready for [Request.Parse],
// and to parse the next request with the same value spares the allocation of
// Headers. The slices are views of the parsed bytes and live as long as they do.
//
// Except for what Parse fills in, a Request has no state: not its fields but the
// methods look at Headers, so it may be copied.
type Request struct {
	Method []byte // a token; case matters
	Target []byte // as it was sent, in one of the four forms of RFC 9112, 3.2
	Minor  int    // of the version HTTP/1.Minor: 0, or 1 for that and all above

	// Headers are the field lines in the order they came.
	Headers []Header

	// Host is the authority of the target in absolute-form and in the form that
	// CONNECT takes, and otherwise the Host field: a host with or without a
	// port, in the letters it was sent in. Nil in HTTP/1.0 where there is none.
	Host []byte

	ContentLength int64 // of the body, in bytes; -1 if the request does not say
	Chunked       bool  // a body follows, and is chunked

	// Close: no further request may follow on the connection, by "Connection:
	// close" or for want of "Connection: keep-alive" in HTTP/1.0.
	Close bool
	// KeepAlive: HTTP/1.0 and "Connection: keep-alive", to be repeated in the
	// response.
	KeepAlive bool
	// Expect100: "Expect: 100-continue" in HTTP/1.1, and a body that is not
	// empty follows.
	Expect100 bool
	// Upgrade: "Connection: upgrade" in HTTP/1.1 (RFC 9110, 7.8). What to is in
	// the Upgrade field.
	Upgrade bool

	path  []byte
	query []byte
}

// Header returns the value of the first field line of that name, whatever its
// case, and nil if there is none.
func (r *Request) Header(name string) []byte {
	for i := range r.Headers {
		if h := &r.Headers[i]; len(h.Name) == len(name) && equalFold(h.Name, name) {
			return h.Value
		}
	}
	return nil
}

// HasToken reports whether token is, whatever its case, an element of the
// comma-separated list that all field lines of that name make up, as "close" is
// of "Connection: Upgrade, close" (RFC 9110, 5.6.1). An element with parameters
// is no token.
func (r *Request) HasToken(name, token string) bool {
	for i := range r.Headers {
		h := &r.Headers[i]
		if len(h.Name) != len(name) || !equalFold(h.Name, name) {
			continue
		}
		for list := h.Value; list != nil; {
			var element []byte
			element, list = nextElement(list)
			if len(element) == len(token) && equalFold(element, token) {
				return true
			}
		}
	}
	return false
}

// Path returns the path of the target as it was sent, percent-encoded: in
// origin-form and absolute-form all before the '?', "/" where the latter has
// none, and "*" in asterisk-form. It is nil in the form that CONNECT takes.
func (r *Request) Path() []byte { return r.path }

// Query returns what follows the first '?' of the target, as it was sent, and
// nil if there is none.
func (r *Request) Query() []byte { return r.query }
