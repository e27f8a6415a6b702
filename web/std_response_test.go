package web_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// lockedBuffer is where a logger writes to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// logged serves a handler, and returns what the server logs.
func logged(t *testing.T, m mode, h http.HandlerFunc) (addr string, s *weir.Server, log *lockedBuffer) {
	t.Helper()
	log = &lockedBuffer{}
	s = &weir.Server{Handler: web.Handler(h), Config: weir.Config{Logger: slog.New(slog.NewTextHandler(log, nil))}}
	return serve(t, m, s), s, log
}

// Server-sent events arrive as they are flushed, and those who send them do not
// keep the workers from others.
func TestServerSentEvents(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		const clients = 5
		next := make(chan string)
		ended := make(chan struct{}, clients)
		h := web.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/events" {
				io.WriteString(w, "hello")
				return
			}
			defer func() { ended <- struct{}{} }()
			w.Header().Set("Content-Type", "text/event-stream")
			for rc := http.NewResponseController(w); ; {
				if err := rc.Flush(); err != nil {
					return
				}
				select {
				case event := <-next:
					fmt.Fprintf(w, "data: %s\n\n", event)
				case <-r.Context().Done():
					return
				}
			}
		}))
		s := &weir.Server{Handler: h, Config: weir.Config{Logger: quiet(), Workers: 1}}
		addr := serve(t, m, s)
		events := make(chan string)
		var conns []net.Conn
		for range clients {
			c := dial(t, addr)
			conns = append(conns, c)
			io.WriteString(c, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for lines := bufio.NewScanner(res.Body); lines.Scan(); {
					if line := lines.Text(); line != "" {
						events <- line
					}
				}
			}()
		}
		for i := range 3 * clients {
			next <- fmt.Sprint(i)
			if got, want := receive(t, events, "an event"), fmt.Sprint("data: ", i); got != want {
				t.Fatalf("%q instead of %q", got, want)
			}
		}
		if got := converse(t, addr, []string{get}, whole); !contains(got, `body "hello"`) {
			t.Error(got)
		}
		for _, c := range conns {
			c.Close()
		}
		for range clients {
			receive(t, ended, "a handler to notice that its client has gone")
		}
	})
}

// A client that does not read holds back the handler that writes, and not the
// memory of the server. When it goes away the writes fail.
func TestSlowReaderHoldsBackTheHandler(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		for _, path := range []string{"/large", "/small", "/copy", "/length"} {
			ended := make(chan error, 1)
			wrote := make(chan struct{}, 1<<20)
			addr, s := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
				piece := []byte(text(100))
				switch r.URL.Path {
				case "/large":
					piece = []byte(text(1 << 20))
				case "/copy":
					_, err := io.Copy(w, endless{})
					ended <- err
					return
				case "/length":
					w.Header().Set("Content-Length", "1000000000000")
				}
				for {
					if _, err := w.Write(piece); err != nil {
						ended <- err
						return
					}
					select {
					case wrote <- struct{}{}:
					default:
					}
				}
			})
			c := dial(t, addr)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
			eventually(t, "the backlog is high", func() bool { return s.Stats().HighWatermarks > 0 })
			// 1 MiB is the watermark, and a Write is accepted in pieces of 64 KiB.
			if held := s.Stats().Buffered; held > 1200<<10 {
				t.Errorf("%s: %d bytes are held", path, held)
			}
			c.Close()
			if err := receive(t, ended, "the handler"); err == nil {
				t.Errorf("%s: no error", path)
			}
		}
	})
}

// endless is a Reader without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestWriteDeadline(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		ended := make(chan error, 2)
		addr, s := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			rc.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
			_, err := io.Copy(w, endless{})
			ended <- err
			_, err = io.WriteString(w, text(10_000))
			ended <- err
		})
		c := dial(t, addr)
		io.WriteString(c, get)
		for range 2 {
			if err := receive(t, ended, "the write"); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the write ends with %v", err)
			}
		}
		io.Copy(io.Discard, c) // until the server closes
		c.Close()
		eventually(t, "the connection has ended", func() bool { return s.Stats().Conns == 0 })
	})
}

func TestPanics(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		for _, tc := range []struct {
			name    string
			handler http.HandlerFunc
			want    []string // in the answer
			not     string
			panics  uint64
			log     string
		}{
			{"at once", func(http.ResponseWriter, *http.Request) { panic("oops") },
				[]string{"HTTP/1.1 500 ", "close=true", `body "Internal Server Error\n"`}, "X-A", 1, "oops"},
			{"after a write", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-A", "b")
				w.Header().Set("Content-Length", "7")
				io.WriteString(w, "partial")
				panic("oops")
			}, []string{"HTTP/1.1 500 ", "close=true", `body "Internal Server Error\n"`}, "X-A", 1, "oops"},
			{"after a flush", func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, "partial")
				w.(http.Flusher).Flush()
				panic("oops")
			}, []string{"HTTP/1.1 200 ", `body "partial", then closed`}, "500", 1, "oops"},
			{"ErrAbortHandler", func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, "partial")
				panic(http.ErrAbortHandler)
			}, []string{"end: closed"}, "HTTP/1.1", 0, ""},
			{"ErrAbortHandler after a flush", func(w http.ResponseWriter, _ *http.Request) {
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}, []string{"HTTP/1.1 200 ", "then closed"}, "500", 0, ""},
			{"invalid status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(42) },
				[]string{"HTTP/1.1 500 ", "close=true"}, "42", 1, "invalid WriteHeader code 42"},
		} {
			addr, s, log := logged(t, m, tc.handler)
			got := converse(t, addr, []string{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"}, whole)
			for _, want := range tc.want {
				if !contains(got, want) {
					t.Errorf("%s: %q is not in\n%s", tc.name, want, got)
				}
			}
			if contains(got, tc.not) {
				t.Errorf("%s: %q is in\n%s", tc.name, tc.not, got)
			}
			if n, own := s.Stats().Panics, s.Handler.(*web.HTTP).Stats().Panics; n != tc.panics || own != tc.panics {
				t.Errorf("%s: %d panics are counted, and %d by web.HTTP", tc.name, n, own)
			}
			if out := log.String(); tc.log == "" && out != "" || !contains(out, tc.log) || tc.log != "" && !contains(out, "std_response_test.go") {
				t.Errorf("%s: logged is %q", tc.name, out)
			}
		}
	})
}

// What handlers should not do is logged, with the place.
func TestMisuseIsLogged(t *testing.T) {
	for _, tc := range []struct {
		want    string
		handler http.HandlerFunc
	}{
		{"superfluous WriteHeader", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.WriteHeader(200)
		}},
		{"superfluous WriteHeader", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "x")
			http.Error(w, "too late", 500)
		}},
		{"invalid Content-Length", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "many")
			w.Write([]byte("x"))
		}},
		{"Content-Length is ignored", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1")
			w.Header().Set("Transfer-Encoding", "chunked")
			io.WriteString(w, "x")
		}},
	} {
		addr, _, log := logged(t, pool, tc.handler)
		converse(t, addr, []string{get}, whole)
		if out := log.String(); !contains(out, tc.want) {
			t.Errorf("%s: logged is %q", tc.want, out)
		} else if !contains(tc.want, "ignored") && !contains(out, "std_response_test.go") {
			t.Errorf("%s: the place is not in %q", tc.want, out)
		}
	}
}

// What is written when the handler has returned is refused.
func TestWriteAfterTheHandler(t *testing.T) {
	var kept http.ResponseWriter
	addr, _ := serveStd(t, pool, func(w http.ResponseWriter, _ *http.Request) {
		if kept == nil {
			kept = w
			return
		}
		if n, err := kept.Write([]byte("late")); n != 0 || err == nil {
			t.Errorf("Write: %d, %v", n, err)
		}
		if err := http.NewResponseController(kept).Flush(); err == nil {
			t.Error("Flush: no error")
		}
		if _, _, err := http.NewResponseController(kept).Hijack(); err == nil {
			t.Error("Hijack: no error")
		}
		kept.Header().Set("A", "b")
		kept.WriteHeader(500)
	})
	got := converse(t, addr, []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", get}, whole)
	if strings.Count(got, "HTTP/1.1 200 length=0") != 2 {
		t.Error(got)
	}
}

func TestHandlerMaxRequests(t *testing.T) {
	addr, _, h := limited(t, pool, web.Limits{MaxRequests: 3}, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })
	var requests []string
	for i := range 5 {
		requests = append(requests, fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i))
	}
	got := converse(t, addr, requests, whole)
	if n := strings.Count(got, "HTTP/1.1 200"); n != 3 || strings.Count(got, "close=true") != 1 {
		t.Errorf("%d responses\n%s", n, got)
	}
	if n := h.Stats().LastOnes; n != 1 {
		t.Errorf("%d are counted", n)
	}
}

// Shutdown waits for a handler, whose response arrives whole.
func TestShutdownWaitsForTheHandler(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		begun, goOn := make(chan struct{}), make(chan struct{})
		s := &weir.Server{Config: weir.Config{Logger: quiet()}}
		s.Handler = web.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(begun)
			<-goOn
			b, err := io.ReadAll(r.Body)
			fmt.Fprint(w, len(b), err)
			io.WriteString(w, text(100_000))
		}))
		addr := serve(t, m, s)
		c := dial(t, addr)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
		receive(t, begun, "the handler")
		done := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			done <- s.Shutdown(ctx)
		}()
		eventually(t, "nobody listens any more", func() bool { return len(s.Addrs()) == 0 })
		close(goOn)
		go io.WriteString(c, text(200_000))
		a, err := readAnswer(bufio.NewReader(c), "POST")
		if err != nil || a.body != "200000 <nil>"+text(100_000) {
			t.Errorf("%v, %v", a, err)
		}
		c.Close()
		if err := receive(t, done, "Shutdown"); err != nil {
			t.Error(err)
		}
	})
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &weir.Server{Handler: web.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %T", r.Method, r.Context().Value(http.LocalAddrContextKey))
	}))}
	serveOn(t, pool, s, ln)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, get)
	if a, err := readAnswer(bufio.NewReader(c), "GET"); a.body != "GET *net.UnixAddr" {
		t.Errorf("%v, %v", a, err)
	}
}

// Responses of many connections at once, each with a body of its own, over buffers
// that they share in turn.
func TestManyConnections(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		addr, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			w.Header().Set("X-Path", r.URL.Path)
			w.Write(b)
			fmt.Fprint(w, err)
		})
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 50}}
		defer client.CloseIdleConnections()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for k := range 20 {
					body := fmt.Sprint(i, " ", k, " ", text(i*k*k))
					path := fmt.Sprintf("/%d/%d", i, k)
					var src io.Reader = strings.NewReader(body)
					if k%2 == 1 {
						src = onlyReader{src} // in chunks
					}
					res, err := client.Post("http://"+addr+path, "text/plain", src)
					if err != nil {
						t.Error(err)
						return
					}
					got, err := io.ReadAll(res.Body)
					res.Body.Close()
					if err != nil || string(got) != body+"<nil>" || res.Header.Get("X-Path") != path {
						t.Errorf("%s: %d bytes, %v, %v", path, len(got), err, res.Header)
					}
				}
			})
		}
		wg.Wait()
	})
}

// A write deadline ends with its request: its timer keeps nothing of the connection.
func TestStdWriteDeadlineEnds(t *testing.T) {
	servers := make(chan *weir.Server, 1)
	collected := make(chan struct{})
	addr, s := serveStd(t, pool, func(w http.ResponseWriter, r *http.Request) {
		(<-servers).Each(func(c *weir.Conn) {
			runtime.AddCleanup(c, func(done chan struct{}) { close(done) }, collected)
		})
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
	})
	servers <- s
	c := dial(t, addr)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	c.Close()
	eventually(t, "nothing holds the connection", func() bool {
		runtime.GC()
		select {
		case <-collected:
			return true
		default:
			return false
		}
	})
}

// Fields that frame the message are the server's to write, in whatever letters the
// handler has put them into the map.
func TestStdFramingInOtherLetters(t *testing.T) {
	addr, _ := serveStd(t, pool, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["content-length"] = []string{"1"}
		w.Header()["transfer-Encoding"] = []string{"chunked"}
		w.Header()["x-fine"] = []string{"yes"}
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "hello")
	})
	got := exchange(t, addr, []byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
	if want := "HTTP/1.1 103 Early Hints\r\nx-fine: yes\r\n\r\nHTTP/1.1 200 OK\r\nx-fine: yes\r\nContent-Length: 5\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nhello"; got != want {
		t.Errorf("got %s", got)
	}
}
