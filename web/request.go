package web

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/weir-go/weir/codec/http1"
)

// newRequest makes the *http.Request that net/http would have made of req. All of
// it is fresh, because handlers may keep it; but its strings are pieces of one, and
// the values of the header pieces of one slice. A nil Request means that the target
// is no URL.
func (w *response) newRequest(req *http1.Request) *http.Request {
	s := w.scratch
	text := append(s.text[:0], req.Target...)
	for _, f := range req.Headers {
		text = appendCanonical(text, f.Name)
		text = append(text, f.Value...)
	}
	text = append(text, req.Host...)
	text = append(text, req.Method...)
	if remote := w.conn.RemoteAddrPort(); remote.IsValid() {
		text = remote.AppendTo(text)
	}
	s.text = text

	rest := string(text)
	cut := func(n int) string {
		piece := rest[:n]
		rest = rest[n:]
		return piece
	}
	r := http.Request{
		RequestURI:    cut(len(req.Target)),
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    req.Minor,
		Header:        make(http.Header, len(req.Headers)),
		ContentLength: max(req.ContentLength, 0),
		Close:         req.Close,
	}
	if req.Minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	values := make([]string, len(req.Headers))
	for i, f := range req.Headers {
		name, value := cut(len(f.Name)), cut(len(f.Value))
		if name == "Host" {
			continue
		}
		if have := r.Header[name]; have != nil {
			r.Header[name] = append(have, value)
			continue
		}
		values[i] = value
		r.Header[name] = values[i : i+1 : i+1]
	}
	r.Host = cut(len(req.Host))
	r.Method = cut(len(req.Method))
	if r.RemoteAddr = rest; rest == "" {
		r.RemoteAddr = w.conn.RemoteAddr().String() // of a unix socket
	}

	if r.URL = w.parseTarget(r.Method, r.RequestURI); r.URL == nil {
		return nil
	}
	if r.URL.Host != "" {
		r.Host = r.URL.Host
	}
	if pragma := r.Header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" {
		if _, ok := r.Header["Cache-Control"]; !ok {
			r.Header["Cache-Control"] = []string{"no-cache"}
		}
	}
	if req.Chunked {
		r.ContentLength = -1
		r.TransferEncoding = []string{"chunked"}
		delete(r.Header, "Transfer-Encoding")
		r.Trailer = announcedTrailer(r.Header)
	}
	// WithContext is the only way to give a Request its context. It copies; so
	// r itself stays on the stack.
	return r.WithContext(&w.ctx)
}

// announcedTrailer takes the names of the trailer fields out of the header, for
// which Request.Trailer has nil values until the body has been read.
func announcedTrailer(h http.Header) http.Header {
	lines, ok := h["Trailer"]
	if !ok {
		return nil
	}
	delete(h, "Trailer")
	trailer := make(http.Header)
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = http.CanonicalHeaderKey(textproto.TrimString(name)); validTrailer(name) {
				trailer[name] = nil
			}
		}
	}
	if len(trailer) == 0 {
		return nil
	}
	return trailer
}

// appendCanonical appends a field name as textproto.CanonicalMIMEHeaderKey writes
// it. The parser has seen to it that the name is a token.
func appendCanonical(dst, name []byte) []byte {
	upper := true
	for _, c := range name {
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		} else if !upper && 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
		upper = c == '-'
	}
	return dst
}

// parseTarget is url.ParseRequestURI as net/http uses it. Most targets are a plain
// path, which needs no parser.
func (w *response) parseTarget(method, target string) *url.URL {
	path, query, found := strings.Cut(target, "?")
	if isPlainPath(path) && (!found || query != "") && method != http.MethodConnect {
		w.url = url.URL{Path: path, RawQuery: query}
		return &w.url
	}
	// CONNECT names an authority, unless it is that of net/rpc.
	authority := method == http.MethodConnect && !strings.HasPrefix(target, "/")
	if authority {
		target = "http://" + target
	}
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil
	}
	if authority {
		u.Scheme = ""
	}
	return u
}

// isPlainPath reports whether a path is written as package url would write it.
func isPlainPath(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	for i := range len(path) {
		if !plainPath[path[i]] {
			return false
		}
	}
	return true
}

var plainPath = table("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~$&+,/:;=@")

// table is a set of bytes.
func table(bytes string) (set [256]bool) {
	for i := range len(bytes) {
		set[bytes[i]] = true
	}
	return set
}
