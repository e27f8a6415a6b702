package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// twin is a conversation that has to go the same way with net/http's server and
// with web.Handler.
type twin struct {
	name     string
	handler  http.HandlerFunc
	requests []string // the last one ends the connection
}

// get is a last request.
const get = "GET / HTTP/1.1\r\nHost: weir.test\r\nConnection: close\r\n\r\n"

// bye follows requests that leave the connection open.
const bye = "GET /bye HTTP/1.1\r\nHost: weir.test\r\nConnection: close\r\n\r\n"

// one returns the requests of a conversation whose first is of interest, and which
// may go on after it.
func one(head string, body ...string) []string {
	return []string{strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + strings.Join(body, ""), bye}
}

// inspect answers with all that there is of a request.
func inspect(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	n, err2 := r.Body.Read(make([]byte, 1))
	u := *r.URL
	fmt.Fprintf(w, "%s %#v %s %d.%d\n", r.Method, u, r.Proto, r.ProtoMajor, r.ProtoMinor)
	fmt.Fprintf(w, "uri %q host %q length %d coding %q close %v\n", r.RequestURI, r.Host, r.ContentLength, r.TransferEncoding, r.Close)
	for _, k := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(w, "%s: %q\n", k, r.Header[k])
	}
	fmt.Fprintf(w, "body %q %v none %v\n", body, err, r.Body == http.NoBody)
	fmt.Fprintf(w, "trailer %v\n", r.Trailer)
	host, port, err := net.SplitHostPort(r.RemoteAddr)
	fmt.Fprintf(w, "remote %s %v %v\n", host, port != "", err)
	fmt.Fprintf(w, "local %T server %T tls %v\n", r.Context().Value(http.LocalAddrContextKey), r.Context().Value(http.ServerContextKey), r.TLS)
	fmt.Fprintf(w, "again %d %v; close %v\n", n, err2, r.Body.Close())
}

// text returns n bytes that are not all the same.
func text(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strconv.Itoa(i))
		b.WriteByte(' ')
	}
	return b.String()[:n]
}

// chunked encodes pieces in chunks.
func chunked(pieces ...string) string {
	var b strings.Builder
	for _, p := range pieces {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(p), p)
	}
	return b.String() + "0\r\n\r\n"
}

// set is a handler that sets headers and then goes on.
func set(next http.HandlerFunc, pairs ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			w.Header().Add(pairs[i], pairs[i+1])
		}
		next(w, r)
	}
}

// say is a handler that writes pieces.
func say(pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, p := range pieces {
			io.WriteString(w, p)
		}
	}
}

// status is a handler that writes a status and a body.
func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(code)
		if _, err := io.WriteString(w, body); err != nil {
			w.Header().Set("X-Late", err.Error())
		}
	}
}

func files() http.FileSystem {
	return http.FS(fstest.MapFS{
		"a.txt":          {Data: []byte("the text of a"), ModTime: time.Unix(1e9, 0)},
		"large.bin":      {Data: []byte(text(100_000)), ModTime: time.Unix(1e9, 0)},
		"dir/index.html": {Data: []byte("<p>index"), ModTime: time.Unix(1e9, 0)},
	})
}

func mux() http.HandlerFunc {
	m := http.NewServeMux()
	m.HandleFunc("GET /item/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Pattern, r.PathValue("id"))
	})
	m.HandleFunc("/tree/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Pattern, r.URL.Path) })
	return m.ServeHTTP
}

// twins are grouped by what they are about.
var twins = []twin{
	// The request.
	{"get", inspect, one("GET / HTTP/1.1\nHost: weir.test")},
	{"query", inspect, one("GET /a/b?c=d&e=%20f HTTP/1.1\nHost: weir.test:8080")},
	{"empty query", inspect, one("GET /a? HTTP/1.1\nHost: weir.test")},
	{"question marks", inspect, one("GET /a??b HTTP/1.1\nHost: weir.test")},
	{"escaped path", inspect, one("GET /a%2Fb%20c/%7Ed HTTP/1.1\nHost: weir.test")},
	{"odd path", inspect, one("GET //a/../b;c=d,e:f@g!h'(i)*+$& HTTP/1.1\nHost: weir.test")},
	{"absolute form", inspect, one("GET http://other.test:81/a?b HTTP/1.1\nHost: weir.test")},
	{"absolute form without path", inspect, one("GET http://other.test HTTP/1.1\nHost: other.test")},
	{"asterisk form", inspect, one("OPTIONS * HTTP/1.1\nHost: weir.test\nContent-Length: 5", "hello")},
	{"options", inspect, one("OPTIONS /a HTTP/1.1\nHost: weir.test")},
	{"connect", inspect, one("CONNECT other.test:443 HTTP/1.1\nHost: other.test:443")},
	{"http/1.0", inspect, one("GET /a HTTP/1.0")},
	{"http/1.0 host", inspect, one("GET /a HTTP/1.0\nHost: weir.test")},
	{"canonical names", inspect, one("GET / HTTP/1.1\nhost: weir.test\nx-lower-case: 1\nX-UPPER-CASE: 2\nx--odd-: 3\nx_y: 4\nETag: 5")},
	{"repeated names", inspect, one("GET / HTTP/1.1\nHost: weir.test\nA: 1\nB: 2\na: 3\nA: 4\nB: ")},
	{"many names", inspect, one("GET / HTTP/1.1\nHost: weir.test" + manyHeaders(40))},
	{"blank values", inspect, one("GET / HTTP/1.1\nHost: weir.test\nA:\nB: \t x y\t ")},
	{"cookies", inspect, one("GET / HTTP/1.1\nHost: weir.test\nCookie: a=b; c=d\nCookie: e=f")},
	{"pragma", inspect, one("GET / HTTP/1.1\nHost: weir.test\nPragma: no-cache")},
	{"pragma and cache-control", inspect, one("GET / HTTP/1.1\nHost: weir.test\nPragma: no-cache\nCache-Control: max-age=1")},
	{"close", inspect, one("GET / HTTP/1.1\nHost: weir.test\nConnection: x, Close")},
	{"odd method", inspect, one("PROPFIND /a HTTP/1.1\nHost: weir.test")},
	{"body", inspect, one("POST /a HTTP/1.1\nHost: weir.test\nContent-Length: 5", "hello")},
	{"empty body", inspect, one("POST /a HTTP/1.1\nHost: weir.test\nContent-Length: 0")},
	{"body of a get", inspect, one("GET /a HTTP/1.1\nHost: weir.test\nContent-Length: 5", "hello")},
	{"chunked body", inspect, one("POST /a HTTP/1.1\nHost: weir.test\nTransfer-Encoding: chunked", chunked("hello", ", ", "world", text(300)))},
	{"empty chunked body", inspect, one("POST /a HTTP/1.1\nHost: weir.test\nTransfer-Encoding: chunked", chunked())},
	{"chunk extensions", inspect, one("POST /a HTTP/1.1\nHost: weir.test\nTransfer-Encoding: chunked", "5;a=b\r\nhello\r\n001;c\r\n!\r\n0;d\r\n\r\n")},
	{"one-byte chunks", inspect, one("POST /a HTTP/1.1\nHost: weir.test\nTransfer-Encoding: chunked", chunked("a", "b", "c", "d"))},
	{"trailers", inspect, one("POST /a HTTP/1.1\nHost: weir.test\nTransfer-Encoding: chunked\nTrailer: X-Sum, x-other", "1\r\na\r\n0\r\nX-Sum: 1\r\nx-other: 2\r\nX-Sum: 3\r\n\r\n")},
	{"trailer without chunks", inspect, one("GET /a HTTP/1.1\nHost: weir.test\nTrailer: X-Sum")},
	{"form", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.ParseForm(), r.Form, r.PostForm, r.FormValue("a"))
	}, one("POST /?a=1 HTTP/1.1\nHost: weir.test\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 11", "a=2&b=%20%2")},
	{"multipart", func(w http.ResponseWriter, r *http.Request) {
		f, h, err := r.FormFile("file")
		if err != nil {
			fmt.Fprint(w, err)
			return
		}
		b, err := io.ReadAll(f)
		fmt.Fprintln(w, h.Filename, h.Size, string(b), err, r.FormValue("x"))
	}, one("POST / HTTP/1.1\nHost: weir.test\nContent-Type: multipart/form-data; boundary=b\nContent-Length: 133",
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nhello\r\n--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--b--\r\n")},
	{"mux", mux(), one("GET /item/7 HTTP/1.1\nHost: weir.test")},
	{"mux, method", mux(), one("POST /item/7 HTTP/1.1\nHost: weir.test\nContent-Length: 2", "ab")},
	{"mux, redirect", mux(), one("GET /tree HTTP/1.1\nHost: weir.test")},
	{"mux, unknown", mux(), one("GET /unknown HTTP/1.1\nHost: weir.test")},
	{"mux, connect", mux(), one("CONNECT a.test:1 HTTP/1.1\nHost: a.test:1")},
	{"mux, asterisk", mux(), one("OPTIONS * HTTP/1.1\nHost: weir.test")},

	// The response.
	{"nothing", func(http.ResponseWriter, *http.Request) {}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"hello", say("hello"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"pieces", say("hel", "", "lo, ", "world"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"html", say("<html><body>"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"large", say(text(100_000)), one("GET / HTTP/1.1\nHost: weir.test")},
	{"large, in pieces", say(text(3000), text(3000), text(10), text(5000), "end"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"large bytes", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(text(70_000))) }, one("GET / HTTP/1.1\nHost: weir.test")},
	{"large, 1.0", say(text(100_000)), one("GET / HTTP/1.0\nConnection: keep-alive")},
	{"large, known length", set(say(text(50_000)), "Content-Length", "50000"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"large, known length, 1.0", set(say(text(50_000)), "Content-Length", "50000"), one("GET / HTTP/1.0\nConnection: keep-alive")},
	{"content type", set(say("{}"), "Content-Type", "application/json"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"no content type", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = nil
		io.WriteString(w, "x")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"no date", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		io.WriteString(w, "x")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"own date", set(say("x"), "Date", "yesterday"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"content encoding", set(say("x"), "Content-Encoding", "gzip"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"empty content encoding", set(say("x"), "Content-Encoding", ""), one("GET / HTTP/1.1\nHost: weir.test")},
	{"repeated headers", set(say("x"), "Set-Cookie", "a=b", "Set-Cookie", "c=d", "X-Empty", ""), one("GET / HTTP/1.1\nHost: weir.test")},
	{"headers that are not canonical", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["x-lower"] = []string{"1", "2"}
		w.Header()["bad name"] = []string{"3"}
		w.Header()["bad\r\nname"] = []string{"4"}
		w.Header()[""] = []string{"5"}
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"header injection", set(say("x"), "X-Bad", "a\r\nX-Evil: b\nc", "X-Blank", "  a b\t "), one("GET / HTTP/1.1\nHost: weir.test")},
	{"changed after WriteHeader", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-A", "before")
		w.Header().Set("X-B", "before")
		w.WriteHeader(201)
		w.Header().Set("X-A", "after")
		w.Header().Del("X-B")
		w.Header().Set("X-C", "after")
		io.WriteString(w, "x")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"changed after Write", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-A", "before")
		io.WriteString(w, "x")
		w.Header().Set("X-A", "after")
		w.Header().Set("Content-Type", "after/all")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"superfluous WriteHeader", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(202)
		w.WriteHeader(500)
		io.WriteString(w, "x")
		w.WriteHeader(500)
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"201", status(201, "made"), one("POST / HTTP/1.1\nHost: weir.test\nContent-Length: 0")},
	{"201, empty", status(201, ""), one("POST / HTTP/1.1\nHost: weir.test\nContent-Length: 0")},
	{"204", status(204, ""), one("GET / HTTP/1.1\nHost: weir.test")},
	{"204, body", status(204, "no"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"204, length", set(status(204, ""), "Content-Length", "5", "Content-Type", "a/b"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"304", set(status(304, ""), "Content-Length", "5", "Content-Type", "a/b", "ETag", "x"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"304, body", status(304, "no"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"404", status(404, "lost"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"500", status(500, ""), one("GET / HTTP/1.1\nHost: weir.test")},
	{"799", status(799, "odd"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"http.Error", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "nope", http.StatusForbidden) }, one("GET / HTTP/1.1\nHost: weir.test")},
	{"http.Redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/b?c", http.StatusFound) }, one("GET /a HTTP/1.1\nHost: weir.test")},
	{"http.NotFound", http.NotFound, one("GET /a HTTP/1.1\nHost: weir.test")},
	{"http.SetCookie", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b c", HttpOnly: true})
	}, one("GET /a HTTP/1.1\nHost: weir.test")},
	{"early hints", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.Header().Set("Content-Length", "5")
		w.WriteHeader(103)
		w.Header().Add("Link", "</b.css>; rel=preload")
		w.WriteHeader(103)
		w.Header().Del("Link")
		io.WriteString(w, "hello")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"processing", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(102) }, one("GET / HTTP/1.1\nHost: weir.test")},
	{"flush", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		io.WriteString(w, "b")
		w.(http.Flusher).Flush()
		w.(http.Flusher).Flush()
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"flush, nothing", func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() }, one("GET / HTTP/1.1\nHost: weir.test")},
	{"flush, 1.0", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		io.WriteString(w, "b")
	}, one("GET / HTTP/1.0\nConnection: keep-alive")},
	{"flush, known length", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "2")
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		io.WriteString(w, "b")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"ReadFrom", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, strings.NewReader("hello")) }, one("GET / HTTP/1.1\nHost: weir.test")},
	{"ReadFrom, large", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "head ")
		n, err := w.(io.ReaderFrom).ReadFrom(onlyReader{strings.NewReader(text(90_000))})
		fmt.Fprint(w, n, err)
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"ReadFrom, 204", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(204)
		w.(io.ReaderFrom).ReadFrom(onlyReader{strings.NewReader("hello")})
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"ReadFrom, failing", func(w http.ResponseWriter, r *http.Request) {
		_, err := w.(io.ReaderFrom).ReadFrom(io.MultiReader(strings.NewReader("a"), failing{}))
		fmt.Fprint(w, err)
	}, one("GET / HTTP/1.1\nHost: weir.test")},

	// HEAD.
	{"head", say("hello"), one("HEAD / HTTP/1.1\nHost: weir.test")},
	{"head, nothing", say(), one("HEAD / HTTP/1.1\nHost: weir.test")},
	{"head, large", say(text(50_000)), one("HEAD / HTTP/1.1\nHost: weir.test")},
	{"head, length", set(say(), "Content-Length", "1234567"), one("HEAD / HTTP/1.1\nHost: weir.test")},
	{"head, length and body", set(say("hello"), "Content-Length", "5"), one("HEAD / HTTP/1.1\nHost: weir.test")},
	{"head, 1.0", say("hello"), one("HEAD / HTTP/1.0\nConnection: keep-alive")},
	{"head, flush", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		io.WriteString(w, "b")
	}, one("HEAD / HTTP/1.1\nHost: weir.test")},
	{"head, trailers", set(say("x"), "Trailer", "X-T"), one("HEAD / HTTP/1.1\nHost: weir.test")},
	{"head, file", http.FileServer(files()).ServeHTTP, one("HEAD /large.bin HTTP/1.1\nHost: weir.test")},

	// Length and framing.
	{"length too small", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3")
		_, err := io.WriteString(w, "abc")
		n, err2 := io.WriteString(w, "d")
		if err != nil || n != 0 || !errors.Is(err2, http.ErrContentLength) {
			panic(fmt.Sprint(err, n, err2))
		}
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"length too large", set(say("abc"), "Content-Length", "5"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"length zero", set(say(), "Content-Length", "0"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"length invalid", set(say("abc"), "Content-Length", "x"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"length negative", set(say("abc"), "Content-Length", "-3"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"coding chunked", set(say("abc"), "Transfer-Encoding", "chunked"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"coding identity", set(say("abc"), "Transfer-Encoding", "identity"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"coding and length", set(say("abc"), "Transfer-Encoding", "chunked", "Content-Length", "3"), one("GET / HTTP/1.1\nHost: weir.test")},
	{"coding, 1.0", set(say("abc"), "Transfer-Encoding", "chunked"), one("GET / HTTP/1.0\nConnection: keep-alive")},
	{"coding, head", set(say("abc"), "Transfer-Encoding", "chunked"), one("HEAD / HTTP/1.1\nHost: weir.test")},

	// Trailers.
	{"trailers of the response", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-A, x-b")
		w.Header().Add("Trailer", "X-C, Content-Length")
		io.WriteString(w, "body")
		w.Header().Set("X-A", "1")
		w.Header().Add("X-B", "2")
		w.Header().Add("X-B", "3")
		w.Header().Set("Content-Length", "7")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"trailers with the prefix", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, text(9000))
		w.Header().Set(http.TrailerPrefix+"X-Late", "1")
		w.Header().Set("X-Not", "2")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"trailers with the prefix, early", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(http.TrailerPrefix+"X-Early", "1")
		io.WriteString(w, "x")
	}, one("GET / HTTP/1.1\nHost: weir.test")},
	{"trailers, 1.0", set(say("x"), "Trailer", "X-A", "X-A", "1"), one("GET / HTTP/1.0\nConnection: keep-alive")},

	// The connection.
	{"keep-alive", say("x"), []string{"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n", get}},
	{"pipelined with bodies", inspect, []string{
		"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked("de", "f"),
		"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(),
		"POST /5 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1234\r\n" + text(0x1234) + "\r\n00\r\n\r\n",
		get}},
	{"pipelined, bodies not read", say("x"), []string{
		"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked("de", "f"),
		get}},
	{"http/1.0, keep-alive", say("x"), []string{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}},
	{"http/1.0, own keep-alive", set(say("x"), "Connection", "keep-alive"), []string{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"}},
	{"handler closes", set(say("x"), "Connection", "close"), []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", get}},
	{"handler closes, 1.0", set(say("x"), "Connection", "close"), []string{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", get}},
	{"own connection header", set(say("x"), "Connection", "X-Hop", "X-Hop", "1"), one("GET / HTTP/1.1\nHost: a")},
	{"own connection header, last", set(say("x"), "Connection", "X-Hop", "X-Hop", "1"), []string{get}},
	{"upgrade refused", set(say("x"), "Upgrade", "h2c", "Connection", "upgrade"), one("GET / HTTP/1.1\nHost: a")},

	// Bodies that are not read.
	{"body not read", say("x"), one("POST / HTTP/1.1\nHost: a\nContent-Length: 100000", text(100_000))},
	{"body closed", func(w http.ResponseWriter, r *http.Request) {
		r.Body.Close()
		_, err := r.Body.Read(make([]byte, 1))
		fmt.Fprint(w, err)
	}, one("POST / HTTP/1.1\nHost: a\nContent-Length: 10", text(10))},
	{"body too large to drain", say("x"), []string{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + text(10_000)}},
	{"body read in part", func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 7)
		n, err := io.ReadFull(r.Body, b)
		fmt.Fprint(w, n, err, string(b))
	}, one("POST / HTTP/1.1\nHost: a\nContent-Length: 90000", text(90_000))},
	{"chunked body read in part", func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 7)
		n, err := io.ReadFull(r.Body, b)
		fmt.Fprint(w, n, err, string(b))
	}, one("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", chunked(text(5), text(9), text(1000)))},
	{"large body", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprint(w, len(b), checksum(string(b)), err)
	}, one("POST / HTTP/1.1\nHost: a\nContent-Length: 300000", text(300_000))},
	{"large chunked body", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprint(w, len(b), checksum(string(b)), err)
	}, one("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", chunked(text(100_000), text(70), text(200_000)))},
	{"malformed chunk", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprint(w, string(b), err != nil)
	}, one("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", "2\r\nab\r\nxyz\r\n\r\n")},
	{"MaxBytesReader", func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10))
		e, ok := errors.AsType[*http.MaxBytesError](err)
		fmt.Fprint(w, ok, e)
	}, []string{"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 20\r\n\r\n" + text(20)}},
	{"MaxBytesHandler", http.MaxBytesHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		fmt.Fprint(w, string(b), err)
	}), 10).ServeHTTP, one("POST / HTTP/1.1\nHost: a\nContent-Length: 10", text(10))},

	// Expect.
	{"expect, read", inspect, one("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 5", "hello")},
	{"expect, chunked", inspect, one("POST / HTTP/1.1\nHost: a\nExpect: 100-Continue\nTransfer-Encoding: chunked", chunked("hello"))},
	{"expect, not read", say("x"), []string{"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"}},
	{"expect, no body", inspect, one("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 0")},
	{"expect, 100 by hand", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(100)
		b, err := io.ReadAll(r.Body)
		fmt.Fprint(w, string(b), err)
	}, one("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 5", "hello")},
	{"expect, 1.0", inspect, one("POST / HTTP/1.0\nHost: a\nExpect: 100-continue\nContent-Length: 5", "hello")},

	// Panics.
	{"panic after the start", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}, []string{get}},
	{"abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, []string{get}},

	// Handlers of the standard library.
	{"file", http.FileServer(files()).ServeHTTP, one("GET /a.txt HTTP/1.1\nHost: a")},
	{"file, large", http.FileServer(files()).ServeHTTP, one("GET /large.bin HTTP/1.1\nHost: a")},
	{"file, range", http.FileServer(files()).ServeHTTP, one("GET /a.txt HTTP/1.1\nHost: a\nRange: bytes=4-7")},
	{"file, suffix", http.FileServer(files()).ServeHTTP, one("GET /large.bin HTTP/1.1\nHost: a\nRange: bytes=-5000")},
	{"file, bad range", http.FileServer(files()).ServeHTTP, one("GET /a.txt HTTP/1.1\nHost: a\nRange: bytes=99-")},
	{"file, not modified", http.FileServer(files()).ServeHTTP, one("GET /a.txt HTTP/1.1\nHost: a\nIf-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT")},
	{"file, missing", http.FileServer(files()).ServeHTTP, one("GET /b.txt HTTP/1.1\nHost: a")},
	{"directory", http.FileServer(files()).ServeHTTP, one("GET /dir/ HTTP/1.1\nHost: a")},
	{"directory, redirect", http.FileServer(files()).ServeHTTP, one("GET /dir HTTP/1.1\nHost: a")},
	{"listing", http.FileServer(files()).ServeHTTP, one("GET / HTTP/1.1\nHost: a")},
	{"timeout handler", http.TimeoutHandler(http.HandlerFunc(inspect), time.Hour, "late").ServeHTTP, one("POST / HTTP/1.1\nHost: a\nContent-Length: 5", "hello")},
	{"timeout handler, late", http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}), time.Millisecond, "late").ServeHTTP, one("GET / HTTP/1.1\nHost: a")},
	{"strip prefix", http.StripPrefix("/p", http.HandlerFunc(inspect)).ServeHTTP, one("GET /p/q HTTP/1.1\nHost: a")},
}

func manyHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\nX-Header-%d: value %d", i, i)
	}
	return b.String()
}

type onlyReader struct{ io.Reader }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("no more") }

// A client cannot tell web.Handler from net/http's server, however the requests
// arrive. Where the two are meant to differ, web.Handler's documentation says so.
func TestTwinOfNetHTTP(t *testing.T) {
	for _, tw := range twins {
		t.Run(tw.name, func(t *testing.T) {
			want := converse(t, serveNetHTTP(t, tw.handler), tw.requests, whole)
			total := len(strings.Join(tw.requests, ""))
			step := max(1, total/250)
			if testing.Short() {
				step = max(1, total/8)
			}
			var pools []mode
			for _, m := range modes() {
				if m.Dispatch == pool.Dispatch {
					pools = append(pools, m)
				}
			}
			for k, m := range pools {
				addr, _ := serveStd(t, m, tw.handler)
				check := func(how string, cut func([]byte) [][]byte) {
					t.Helper()
					if got := converse(t, addr, tw.requests, cut); got != want {
						t.Fatalf("%s, %s:\n%s\nnet/http:\n%s", m.Poller, how, got, want)
					}
				}
				check("whole", whole)
				if total < 10_000 {
					check("byte by byte", byteByByte)
				}
				for i := 1 + k*step; i < total; i += len(pools) * step { // every split, on one of the pollers
					check(fmt.Sprintf("split at %d", i), splitAt(i))
				}
			}
		})
	}
}

// os.File goes another way through net/http than other files.
func TestTwinOfNetHTTPWithAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte(text(200_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	h := http.FileServer(http.Dir(dir))
	requests := one("GET /f HTTP/1.1\nHost: a")
	want := converse(t, serveNetHTTP(t, h), requests, whole)
	addr, _ := serveStd(t, pool, h.ServeHTTP)
	if got := converse(t, addr, requests, whole); got != want {
		t.Errorf("%s\nnet/http:\n%s", got, want)
	}
}

// A reverse proxy on weir, in front of a server on weir, both ways.
func TestReverseProxy(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		back, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			w.Header().Set("X-For", r.Header.Get("X-Forwarded-For"))
			w.Header().Set("Trailer", "X-Sum")
			fmt.Fprint(w, r.Method, r.URL.Path, len(b), err)
			w.(http.Flusher).Flush()
			w.Write(bytes.ToUpper(b))
			w.Header().Set("X-Sum", "7")
		})
		front, _ := serveStd(t, m, httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: back}).ServeHTTP)
		t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
		requests := one("POST /a HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", chunked(text(1000), text(100_000)))
		got := converse(t, front, requests, whole)
		for _, want := range []string{"POST/a101000 <nil>0 1 2 3", `X-For: ["127.0.0.1"]`, `trailer X-Sum: ["7"]`} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
	})
}
