package web

import (
	"errors"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/weir-go/weir/codec/http1"
	"github.com/weir-go/weir/codec/websocket"
)

// Handshake is a request to open a WebSocket, for WebSocket.Accept and CheckOrigin.
// It is valid only until they return.
type Handshake struct {
	r      *http.Request // one of the two
	x      *Ctx
	header http.Header // of the response
	chosen string      // subprotocol
	value  any
}

// Request returns the request, or nil if it was served by ServeFast.
func (h *Handshake) Request() *http.Request { return h.r }

// Ctx returns the request, or nil if it was served by ServeHTTP. It is for reading;
// the response is the Handshake's.
func (h *Handshake) Ctx() *Ctx { return h.x }

// Host returns the host that the request is for, with its port if it has one.
func (h *Handshake) Host() string {
	if h.r != nil {
		return h.r.Host
	}
	return string(h.x.Host)
}

// Path returns the path of the request: unescaped if it was served by ServeHTTP,
// and as it came if by ServeFast.
func (h *Handshake) Path() string {
	if h.r != nil {
		return h.r.URL.Path
	}
	return string(h.x.Path())
}

// Query returns the query of the request, without the question mark. See
// url.ParseQuery.
func (h *Handshake) Query() string {
	if h.r != nil {
		return h.r.URL.RawQuery
	}
	return string(h.x.Query())
}

// Header returns the first value of a header of the request, or "".
func (h *Handshake) Header(name string) string {
	if h.r != nil {
		return h.r.Header.Get(name)
	}
	return string(h.x.Header(name))
}

// values returns all lines of a header of the request.
func (h *Handshake) values(name string) (all []string) {
	if h.r != nil {
		return h.r.Header.Values(name)
	}
	for _, f := range h.x.Request.Headers {
		if strings.EqualFold(string(f.Name), name) {
			all = append(all, string(f.Value))
		}
	}
	return all
}

// Subprotocol returns the subprotocol that has been chosen, or "".
func (h *Handshake) Subprotocol() string { return h.chosen }

// SetHeader sets a header of the response, also of one that refuses the handshake.
// Those that the handshake consists of cannot be set.
func (h *Handshake) SetHeader(name, value string) { h.headers().Set(name, value) }

// AddHeader is SetHeader for a further line, such as a second cookie.
func (h *Handshake) AddHeader(name, value string) { h.headers().Add(name, value) }

func (h *Handshake) headers() http.Header {
	if h.header == nil {
		h.header = http.Header{}
	}
	return h.header
}

// SetContext gives the Socket a value, see Socket.Context.
func (h *Handshake) SetContext(v any) { h.value = v }

// ServeHTTP answers the handshake of a client, and makes its connection a WebSocket
// when it returns. w has to be the http.ResponseWriter of Handler, or wrap it and
// have it returned by Unwrap() http.ResponseWriter, as for http.ResponseController;
// otherwise the answer is 500. Headers that middleware has set go with the answer.
func (ws *WebSocket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := &Handshake{r: r, header: w.Header()}
	u := upgraderOf(w)
	if err := ws.serve(h, u); err != nil {
		e := ws.refusal(h, err)
		http.Error(w, e.Reason, e.Status)
	}
}

// upgraderOf unwraps w, or returns nil.
func upgraderOf(w http.ResponseWriter) upgrader {
	for {
		if u, ok := w.(upgrader); ok {
			return u
		}
		x, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = x.Unwrap()
	}
}

// ServeFast is ServeHTTP for functions that Fast serves.
func (ws *WebSocket) ServeFast(x *Ctx) {
	h := &Handshake{x: x}
	if err := ws.serve(h, x); err != nil {
		e := ws.refusal(h, err)
		for name, values := range h.header {
			for _, v := range values {
				if name == "Connection" && v == "Upgrade" { // of a 426
					x.headers = http1.AppendHeader(x.headers, name, v)
					continue
				}
				x.AddHeader(name, v)
			}
		}
		x.Error(e.Status, e.Reason)
	}
}

// serve does the handshake. An error is for refusal, and nothing has been answered
// then.
func (ws *WebSocket) serve(h *Handshake, u upgrader) error {
	if err := ws.setup(); err != nil {
		return err
	}
	if u == nil {
		return errNotWeir
	}
	key, err := h.check()
	if err != nil {
		return err
	}
	check := ws.CheckOrigin
	if check == nil {
		check = (*Handshake).sameOrigin
	}
	if !check(h) {
		return errOrigin
	}
	h.chosen = websocket.SelectProtocol(ws.Subprotocols, h.values("Sec-WebSocket-Protocol"))
	if ws.Accept != nil {
		if err := ws.Accept(h); err != nil {
			return &refusedByAccept{err}
		}
	}
	s, extensions := ws.socket(h)
	response := websocket.AppendResponse(nil, key, h.chosen, extensions)
	response = append(h.appendHeaders(response), "\r\n"...)
	// An error is that of a connection that has ended: nobody waits for an answer.
	_ = u.switchProtocol(response, ws.table[s.phase], s.start)
	return nil
}

// check returns the key of the client, or a *websocket.HandshakeError.
func (h *Handshake) check() (key string, err error) {
	ask := websocket.Handshake{
		Connection: h.values("Connection"),
		Upgrade:    h.values("Upgrade"),
		Version:    h.values("Sec-WebSocket-Version"),
		Key:        h.values("Sec-WebSocket-Key"),
	}
	body := false
	if r := h.r; r != nil {
		ask.Method, ask.Major, ask.Minor = r.Method, r.ProtoMajor, r.ProtoMinor
		body = r.ContentLength != 0
	} else {
		ask.Method, ask.Major, ask.Minor = string(h.x.Method), 1, h.x.Minor
		body = len(h.x.Body()) > 0
	}
	if key, err = ask.Check(); err == nil && body {
		// What would be a frame and what the body, and for whom?
		err = &websocket.HandshakeError{Status: http.StatusBadRequest, Detail: "the request has a body"}
	}
	return key, err
}

// sameOrigin is the CheckOrigin that there is without one.
func (h *Handshake) sameOrigin() bool {
	switch origins := h.values("Origin"); len(origins) {
	case 0:
		return true
	case 1:
		return origins[0] != "" && sameOrigin(origins[0], h.Host())
	}
	return false
}

// socket makes the Socket, and returns the extensions that the response names.
func (ws *WebSocket) socket(h *Handshake) (s *Socket, extensions string) {
	s = &Socket{ws: ws, value: h.value}
	s.reader.MaxMessage = ws.settings.maxMessage
	for i, p := range ws.Subprotocols {
		if p == h.chosen {
			s.chosen = uint16(i + 1)
			break
		}
	}
	if ws.Compression == CompressionOff {
		return s, ""
	}
	takeover := ws.Compression == CompressionTakeover
	params, ok := websocket.DeflateOptions{Takeover: takeover, PeerTakeover: takeover}.
		Negotiate(h.values("Sec-WebSocket-Extensions"))
	if !ok {
		return s, ""
	}
	s.phase = phaseDeflate
	flags := stateDeflate
	if params.Takeover {
		flags |= stateTakeover
	}
	s.state.Store(flags)
	s.reader.Inflater = &ws.inflater
	if params.PeerTakeover {
		s.reader.Inflater = params.Inflater()
	}
	return s, params.Response()
}

// appendHeaders appends the headers of the response that are not the handshake's.
func (h *Handshake) appendHeaders(dst []byte) []byte {
	for name, values := range h.header {
		switch name := textproto.CanonicalMIMEHeaderKey(name); name {
		case "Connection", "Upgrade", "Content-Length", "Content-Type", "Content-Encoding",
			"Transfer-Encoding", "Trailer":
			continue // a 101 has no body
		default:
			if strings.HasPrefix(name, "Sec-Websocket-") || strings.HasPrefix(name, http.TrailerPrefix) {
				continue
			}
		}
		for _, v := range values {
			dst = http1.AppendHeader(dst, name, v)
		}
	}
	return dst
}

// errNotWeir: the upgrade of a connection that is not weir's.
var errNotWeir = errors.New("web.WebSocket has to be served by web.Handler, and middleware around it has to have Unwrap() http.ResponseWriter")

var errOrigin = errors.New("the origin is not allowed")

// refusedByAccept marks the errors of WebSocket.Accept.
type refusedByAccept struct{ error }

func (e *refusedByAccept) Unwrap() error { return e.error }

// refusal counts a handshake that is refused, and returns what the client is told.
func (ws *WebSocket) refusal(h *Handshake, err error) *HandshakeError {
	var accept *refusedByAccept
	var request *websocket.HandshakeError
	switch {
	case errors.As(err, &accept):
		ws.counters.refusedAccept.Add(1)
		var e *HandshakeError
		if !errors.As(err, &e) || e.Status < 400 || e.Status > 599 {
			return &HandshakeError{Status: http.StatusForbidden, Reason: http.StatusText(http.StatusForbidden)}
		}
		if e.Reason == "" {
			return &HandshakeError{Status: e.Status, Reason: http.StatusText(e.Status)}
		}
		return e
	case errors.As(err, &request):
		ws.counters.refusedRequest.Add(1)
		switch request.Status {
		case http.StatusMethodNotAllowed:
			h.SetHeader("Allow", http.MethodGet)
		case http.StatusUpgradeRequired:
			h.SetHeader("Connection", "Upgrade")
			h.SetHeader("Upgrade", "websocket")
			h.SetHeader("Sec-WebSocket-Version", websocket.Version)
		}
		return &HandshakeError{Status: request.Status, Reason: request.Detail}
	case errors.Is(err, errOrigin):
		ws.counters.refusedOrigin.Add(1)
		return &HandshakeError{Status: http.StatusForbidden, Reason: err.Error()}
	}
	ws.counters.refusedServer.Add(1)
	return &HandshakeError{Status: http.StatusInternalServerError, Reason: err.Error()}
}
