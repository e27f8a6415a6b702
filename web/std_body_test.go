package web_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// A large upload to a slow handler is held back at the client: what the server
// holds is bounded, whatever the size of the body.
func TestUploadIsBounded(t *testing.T) {
	const size, step = 64 << 20, 4 << 20
	for _, chunks := range []bool{false, true} {
		t.Run(fmt.Sprintf("chunked %v", chunks), func(t *testing.T) {
			eachPoolMode(t, func(t *testing.T, m mode) {
				reads, did := make(chan struct{}), make(chan int64, 1)
				addr, s := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
					var total int64
					for {
						<-reads
						n, err := io.CopyN(io.Discard, r.Body, step)
						total += n
						did <- n
						if err != nil {
							fmt.Fprint(w, total, err)
							return
						}
					}
				})
				c := dial(t, addr)
				go upload(c, size, chunks)
				for total := int64(0); ; {
					reads <- struct{}{}
					n := receive(t, did, "the handler to read")
					total += n
					if n < step {
						break
					}
					// The handler pauses. What the server takes in meanwhile
					// has an end.
					held := s.Stats().Buffered
					eventually(t, "the server has taken what it may", func() bool {
						before := held
						time.Sleep(time.Millisecond)
						held = s.Stats().Buffered
						return before == held
					})
					if held > 512<<10 {
						t.Fatalf("%d bytes are held", held)
					}
				}
				if a, err := readAnswer(bufio.NewReader(c), "POST"); a.body != fmt.Sprint(size, io.EOF) {
					t.Errorf("%v, %v", a, err)
				}
			})
		})
	}
}

// upload sends a request with a body of some size.
func upload(c net.Conn, size int, chunks bool) {
	piece := []byte(text(32 << 10))
	if chunks {
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	} else {
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size)
	}
	for n := 0; n < size; n += len(piece) {
		if chunks {
			fmt.Fprintf(c, "%x\r\n%s\r\n", len(piece), piece)
		} else if _, err := c.Write(piece); err != nil {
			return
		}
	}
	if chunks {
		io.WriteString(c, "0\r\n\r\n")
	}
}

// limited serves a handler with limits.
func limited(t *testing.T, m mode, l web.Limits, h http.HandlerFunc) (addr string, s *weir.Server, std *web.HTTP) {
	t.Helper()
	std = web.Handler(h)
	std.Limits = l
	s = &weir.Server{Handler: std, Config: weir.Config{Logger: quiet()}}
	return serve(t, m, s), s, std
}

func TestMaxBody(t *testing.T) {
	readAll := func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
			http.Error(w, fmt.Sprint("limit ", e.Limit, " got ", len(b)), http.StatusRequestEntityTooLarge)
			return
		}
		fmt.Fprint(w, len(b), err)
	}
	eachPoolMode(t, func(t *testing.T, m mode) {
		for _, tc := range []struct {
			name    string
			request string
			want    []string
			counted uint64
		}{
			{"declared", one("POST / HTTP/1.1\nHost: a\nContent-Length: 101", text(101))[0], []string{"413", "close=true"}, 1},
			{"declared, expect", one("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 101")[0], []string{"413", "close=true"}, 1},
			{"chunked", one("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked", chunked(text(60), text(60)))[0], []string{"413", "close=true", "limit 100 got 100"}, 1},
			{"allowed", one("POST / HTTP/1.1\nHost: a\nContent-Length: 100\nConnection: close", text(100))[0], []string{"200", "100 <nil>"}, 0},
			{"allowed, chunked", one("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nConnection: close", chunked(text(60), text(40)))[0], []string{"200", "100 <nil>"}, 0},
		} {
			addr, _, h := limited(t, m, web.Limits{MaxBody: 100}, readAll)
			got := converse(t, addr, []string{tc.request}, whole)
			for _, want := range tc.want {
				if !contains(got, want) {
					t.Errorf("%s: %q is not in\n%s", tc.name, want, got)
				}
			}
			if n := h.Stats().TooLarge; n != tc.counted {
				t.Errorf("%s: %d are counted", tc.name, n)
			}
		}
	})
}

// A body that comes too slowly ends with an error, and the connection with it.
func TestSlowBody(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		for _, head := range []string{"Content-Length: 100000", "Transfer-Encoding: chunked"} {
			addr, _, h := limited(t, m, web.Limits{HeadTimeout: 20 * time.Millisecond, BodyRate: 1 << 20}, func(w http.ResponseWriter, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				if _, again := r.Body.Read(make([]byte, 1)); again != err {
					t.Errorf("after %v comes %v", err, again)
				}
				w.WriteHeader(http.StatusRequestTimeout)
				fmt.Fprint(w, err == web.ErrSlowBody, errors.Is(err, os.ErrDeadlineExceeded))
			})
			c := dial(t, addr)
			fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n1", head)
			got := readAnswers(c, []string{"POST"})
			if !contains(got, "408") || !contains(got, "true true") || !contains(got, "close=true") {
				t.Errorf("%s", got)
			}
			if n := h.Stats().SlowBodies; n != 1 {
				t.Errorf("%d slow bodies are counted", n)
			}
		}
	})
}

// Only time in which the handler waits for the client counts against BodyRate.
func TestSlowHandlerIsNoSlowBody(t *testing.T) {
	const grace = 50 * time.Millisecond
	addr, _, _ := limited(t, pool, web.Limits{HeadTimeout: grace, BodyRate: 1 << 30}, func(w http.ResponseWriter, r *http.Request) {
		var total int
		b := make([]byte, 50_000)
		for {
			n, err := io.ReadFull(r.Body, b)
			total += n
			if err != nil {
				fmt.Fprint(w, total, err)
				return
			}
			<-time.After(2 * grace) // longer than the client has
		}
	})
	got := converse(t, addr, one("POST / HTTP/1.1\nHost: a\nContent-Length: 200000", text(200_000)), whole)
	if !contains(got, "200000 EOF") {
		t.Error(got)
	}
}

// A body that is cut is not one that has ended.
func TestCutBody(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		for _, request := range []string{
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n",
		} {
			got := make(chan error, 1)
			addr, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
				_, err := io.ReadAll(r.Body)
				got <- err
			})
			c := dial(t, addr)
			io.WriteString(c, request)
			c.CloseWrite()
			if err := receive(t, got, "the handler"); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: %v", request, err)
			}
			io.Copy(io.Discard, c)
		}
	})
}

// When the handler has returned its body cannot be read any more: not by those who
// have kept it, nor by a goroutine that is at it.
func TestBodyAfterTheHandler(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		for _, request := range []string{
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		} {
			kept, blocked := make(chan io.Reader, 1), make(chan error, 1)
			addr, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
				begun := make(chan struct{})
				b := make([]byte, 100)
				go func() {
					io.ReadFull(r.Body, b[:3])
					close(begun)
					_, err := io.ReadFull(r.Body, b)
					blocked <- err
				}()
				<-begun
				kept <- r.Body
			})
			c := dial(t, addr)
			io.WriteString(c, request)
			if _, err := readAnswer(bufio.NewReader(c), "POST"); err != nil {
				t.Fatal(err)
			}
			body := receive(t, kept, "the body")
			receive(t, blocked, "the end of the read")
			if n, err := body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
				t.Errorf("%q: read %d, %v", request, n, err)
			}
		}
	})
}

func TestReadDeadline(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		addr, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			b := make([]byte, 3)
			rc.SetReadDeadline(time.Now().Add(time.Hour))
			if _, err := io.ReadFull(r.Body, b); err != nil {
				t.Error(err)
			}
			rc.SetReadDeadline(time.Now().Add(-time.Second))
			_, past := r.Body.Read(b)
			rc.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, soon := r.Body.Read(b)
			rc.SetReadDeadline(time.Time{})
			go rc.SetReadDeadline(time.Now().Add(time.Millisecond)) // for one that waits
			_, waiting := r.Body.Read(b)
			for _, err := range []error{past, soon, waiting} {
				fmt.Fprint(w, errors.Is(err, os.ErrDeadlineExceeded), " ")
			}
			rc.SetReadDeadline(time.Time{})
			w.(http.Flusher).Flush() // takes no time to drain, as the connection ends
			fmt.Fprint(w, "end")
		})
		c := dial(t, addr)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 100000\r\n\r\nabc")
		if got := readAnswers(c, []string{"POST"}); !contains(got, "true true true end") {
			t.Error(got)
		}
	})
}

// A client that waits for 100 Continue gets it when the handler asks for the body.
func TestExpectContinue(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		ask := make(chan struct{})
		addr, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
			<-ask
			b, err := io.ReadAll(r.Body)
			fmt.Fprint(w, string(b), err)
		})
		c := dial(t, addr)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
		close(ask)
		r := bufio.NewReader(c)
		for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
			if line, err := r.ReadString('\n'); line != want {
				t.Fatalf("%q, %v", line, err)
			}
		}
		io.WriteString(c, "hello"+bye)
		if a, err := readAnswer(r, "POST"); a.body != "hello<nil>" || a.close {
			t.Errorf("%v, %v", a, err)
		}
		if a, err := readAnswer(r, "GET"); a.body != "<nil>" {
			t.Errorf("%v, %v", a, err)
		}
	})
}

// With EnableFullDuplex request and response go on at the same time.
func TestFullDuplex(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		addr, _ := serveStd(t, m, func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			if err := rc.EnableFullDuplex(); err != nil {
				t.Error(err)
			}
			rc.Flush()
			lines := bufio.NewReader(r.Body)
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				io.WriteString(w, strings.ToUpper(line))
				rc.Flush()
			}
		})
		c := dial(t, addr)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
		r := bufio.NewReader(c)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answers := bufio.NewReader(res.Body)
		for i := range 5 {
			line := fmt.Sprintf("line %d\n", i)
			fmt.Fprintf(c, "%x\r\n%s\r\n", len(line), line)
			if got, err := answers.ReadString('\n'); got != strings.ToUpper(line) {
				t.Fatalf("%q, %v", got, err)
			}
		}
		io.WriteString(c, "0\r\n\r\n"+bye)
		if rest, err := io.ReadAll(answers); len(rest) > 0 || err != nil {
			t.Fatalf("%q, %v", rest, err)
		}
		if a, err := readAnswer(r, "GET"); err != nil {
			t.Errorf("%v, %v", a, err)
		}
	})
}

// A client that does not go on with a body that nobody reads gets its response all
// the same, in bounded time, and the connection ends.
func TestStalledBody(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the time limit of draining")
	}
	addr, _ := serveStd(t, pool, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "no") })
	c := dial(t, addr)
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc")
	if got := readAnswers(c, []string{"POST"}); !contains(got, `body "no"`) || !contains(got, "close=true") {
		t.Error(got)
	}
}
