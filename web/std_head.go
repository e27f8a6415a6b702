package web

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-go/weir/codec/http1"
)

// field is an entry of an http.Header.
type field struct {
	name   string
	values []string
}

// fieldInfo is what the handler's header says about what the server has to decide
// when the response begins, and what it has decided.
type fieldInfo struct {
	connectionAt int    // where in scratch.text the Connection lines begin
	coding       string // Transfer-Encoding

	hasLength, hasType, hasDate, encoded bool
	hasConnection, hasClose, hasUpgrade  bool
	trailers                             bool

	sniffed   string // Content-Type
	keepAlive bool   // HTTP/1.0 is to be told
}

// encodeFields encodes the header as it is now. So it may change later, as
// net/http allows, and yet is not copied. What depends on how the body turns out is
// left to appendHead.
func (w *response) encodeFields() {
	s, f := w.scratch, &w.fields
	s.text = s.text[:0]
	if len(w.header) > 0 {
		w.inspect()
		w.sortFields()
		for _, p := range s.pairs {
			if !w.isDecided(p.name) {
				s.text = appendField(s.text, p)
			}
		}
	}
	f.connectionAt = len(s.text)
	s.text = appendField(s.text, field{"Connection", w.header["Connection"]})
}

// inspect notes what the header says to the server.
func (w *response) inspect() {
	f, h := &w.fields, w.header
	if lines, ok := h["Content-Length"]; ok {
		f.hasLength = true
		if len(lines) > 0 && lines[0] != "" {
			n, err := strconv.ParseUint(lines[0], 10, 63)
			if err == nil {
				w.length = int64(n)
			} else {
				w.misuse("invalid Content-Length " + strconv.Quote(lines[0]))
				delete(h, "Content-Length")
			}
		}
	}
	if lines, ok := h["Connection"]; ok {
		f.hasConnection = true
		f.hasClose = hasToken(lines, "close")
		f.hasUpgrade = hasToken(lines, "upgrade")
	}
	if lines := h["Transfer-Encoding"]; len(lines) > 0 {
		f.coding = lines[0]
	}
	if lines := h["Content-Encoding"]; len(lines) > 0 {
		f.encoded = lines[0] != ""
	}
	_, f.hasType = h["Content-Type"]
	_, f.hasDate = h["Date"]
	for _, line := range h["Trailer"] {
		f.trailers = true
		for name := range strings.SplitSeq(line, ",") {
			if name = http.CanonicalHeaderKey(textproto.TrimString(name)); validTrailer(name) {
				w.trailers = append(w.trailers, name)
			}
		}
	}
}

// sortFields puts the header into scratch.pairs, sorted, so that equal responses
// are equal on the wire.
func (w *response) sortFields() {
	s := w.scratch
	s.pairs = s.pairs[:0]
	for name, values := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			w.fields.trailers = true
			continue
		}
		s.pairs = append(s.pairs, field{name, values})
	}
	if len(s.pairs) > 1 {
		slices.SortFunc(s.pairs, func(a, b field) int { return strings.Compare(a.name, b.name) })
	}
}

// isDecided reports whether a field is written by appendHead, or not at all.
func (w *response) isDecided(name string) bool {
	switch name {
	case "Connection":
		return true
	case "Content-Type":
		return w.status == http.StatusNotModified
	}
	return isFraming(name)
}

// isFraming reports whether a field says where a message ends, in whatever letters.
func isFraming(name string) bool {
	switch len(name) {
	case len("Content-Length"):
		return strings.EqualFold(name, "Content-Length")
	case len("Transfer-Encoding"):
		return strings.EqualFold(name, "Transfer-Encoding")
	}
	return false
}

// appendField appends the lines of a field.
func appendField(dst []byte, f field) []byte {
	for _, v := range f.values {
		dst = http1.AppendHeader(dst, f.name, textproto.TrimString(v))
	}
	return dst
}

// prepare decides how the response is sent. data is what there is of the body, all
// of it if last is set.
func (w *response) prepare(data []byte, last bool) {
	f := &w.fields
	allowed := bodyAllowed(w.status)
	if last && allowed && !f.trailers && f.coding == "" && !f.hasLength && (!w.head || len(data) > 0) {
		w.length = int64(len(data))
	}
	if w.length >= 0 && f.coding != "" && f.coding != "identity" {
		w.misuse("Content-Length is ignored because of Transfer-Encoding " + strconv.Quote(f.coding))
		w.length = -1
	}
	w.persist(allowed)
	if allowed && !f.encoded && !f.hasType && f.coding == "" && len(data) > 0 {
		f.sniffed = http.DetectContentType(data)
	}
	if w.head || !allowed || w.length >= 0 {
		return
	}
	if w.minor == 0 || f.coding == "identity" {
		w.closing = true // the end of the stream is the end of the body
	} else {
		w.chunked = true
	}
}

// persist decides whether the connection ends after this response.
func (w *response) persist(allowed bool) {
	f := &w.fields
	w.closing = w.closing || w.lastOne || f.hasClose
	if w.minor == 0 {
		// HTTP/1.0 goes on only where the end of the body can be told.
		if w.keepAlive && (w.head || w.length >= 0 || !allowed) {
			f.keepAlive = !f.hasConnection
		} else {
			w.closing = true
		}
	}
	// Many clients read nothing of the response before they have sent all of the
	// request, so the rest of it is taken in first, if it is not too much.
	if !w.closing && !w.fullDuplex && !w.body.drain() {
		w.closing = true
	}
}

// appendHead appends status line and header.
func (w *response) appendHead(dst []byte) []byte {
	s, f := w.scratch, &w.fields
	at := len(dst)
	dst = http1.AppendStatus(dst, w.status)
	if w.minor == 0 {
		dst[at+len("HTTP/1.")] = '0'
	}
	dst = append(dst, s.text[:f.connectionAt]...)
	replace := w.closing && !f.hasClose && !(w.status == http.StatusSwitchingProtocols && f.hasUpgrade)
	if !replace {
		dst = append(dst, s.text[f.connectionAt:]...)
	}
	if !f.hasDate {
		dst = http1.AppendDate(dst)
	}
	if w.length >= 0 && bodyAllowed(w.status) {
		dst = http1.AppendContentLength(dst, w.length)
	}
	if f.sniffed != "" {
		dst = http1.AppendHeader(dst, "Content-Type", f.sniffed)
	}
	switch {
	case replace && w.minor > 0:
		dst = append(dst, "Connection: close\r\n"...)
	case f.keepAlive && !w.closing:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	if w.chunked {
		if f.coding != "" && f.coding != "chunked" {
			dst = http1.AppendHeader(dst, "Transfer-Encoding", f.coding)
		}
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// appendInformation appends the header as it is now to an informational response,
// which has no body.
func (w *response) appendInformation(dst []byte, code int) []byte {
	dst = http1.AppendStatus(dst, code)
	w.sortFields()
	for _, p := range w.scratch.pairs {
		if !isFraming(p.name) {
			dst = appendField(dst, p)
		}
	}
	return append(dst, "\r\n"...)
}

// appendLastChunk appends the end of a chunked body: the trailers that were
// declared, with the values that they have now, and those with http.TrailerPrefix.
func (w *response) appendLastChunk(dst []byte) []byte {
	dst = append(dst, "0\r\n"...)
	for _, name := range w.trailers {
		dst = appendField(dst, field{name, w.header[name]})
	}
	if w.fields.trailers || len(w.header) > 0 {
		dst = w.appendPrefixed(dst)
	}
	return append(dst, "\r\n"...)
}

func (w *response) appendPrefixed(dst []byte) []byte {
	s := w.scratch
	s.pairs = s.pairs[:0]
	for key, values := range w.header {
		name, ok := strings.CutPrefix(key, http.TrailerPrefix)
		if name = http.CanonicalHeaderKey(name); ok && validTrailer(name) {
			s.pairs = append(s.pairs, field{name, values})
		}
	}
	slices.SortFunc(s.pairs, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for _, p := range s.pairs {
		dst = appendField(dst, p)
	}
	return dst
}

// validTrailer reports whether a field may be a trailer: not one that frames or
// routes the message, or that has to be known before the body is used (RFC 9110,
// 6.5.1). name is in canonical form.
func validTrailer(name string) bool {
	if !isFieldName(name) || strings.HasPrefix(name, "If-") {
		return false
	}
	switch name {
	case "Authorization", "Cache-Control", "Connection", "Content-Encoding",
		"Content-Length", "Content-Range", "Content-Type", "Expect", "Host",
		"Keep-Alive", "Max-Forwards", "Pragma", "Proxy-Authenticate",
		"Proxy-Authorization", "Proxy-Connection", "Range", "Realm", "Te",
		"Trailer", "Transfer-Encoding", "Www-Authenticate":
		return false
	}
	return true
}

// hasToken reports whether a token is in the lists that lines are.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(t), token) {
				return true
			}
		}
	}
	return false
}

// isFieldName reports whether name is a token (RFC 9110, 5.1).
func isFieldName(name string) bool {
	for i := range len(name) {
		if !tokenByte[name[i]] {
			return false
		}
	}
	return name != ""
}

var tokenByte = table("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
