//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// httpBody is what every peer answers GET /plaintext with.
const httpBody = "Hello, World!"

// httpRequests are the requests that can be sent, with %s for the host: what wrk
// and wrk2 send, and what a browser sends with a cookie.
var httpRequests = []struct{ name, text string }{
	{"wrk", "GET /plaintext HTTP/1.1\r\n" +
		"Host: %s\r\n" +
		"\r\n"},
	{"browser", "GET /plaintext HTTP/1.1\r\n" +
		"Host: %s\r\n" +
		"Connection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\n" +
		"sec-ch-ua: \"Chromium\";v=\"142\", \"Not A(Brand\";v=\"99\"\r\n" +
		"sec-ch-ua-mobile: ?0\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: none\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-User: ?1\r\n" +
		"Sec-Fetch-Dest: document\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9\r\n" +
		"Cookie: session=5f2b9c3e8a7d4f6e9b1c2d3e4f5a6b7c\r\n" +
		"\r\n"},
}

func findHTTPRequest(name string) (string, error) {
	for _, r := range httpRequests {
		if r.name == name {
			return r.text, nil
		}
	}
	return "", fmt.Errorf("unknown request %q; there are %s", name, httpRequestNames())
}

func httpRequestNames() string {
	var names []string
	for _, r := range httpRequests {
		names = append(names, r.name)
	}
	return strings.Join(names, ",")
}

// An httpScript sends one request again and again and checks the responses.
type httpScript struct {
	requests cycle
	// known is a response that was parsed and found right. One that is byte for
	// byte the same is right too, and costs the load next to nothing; a server's
	// responses change once a second, with their Date.
	known []byte
	rest  [][]byte // by connection: a response that has not come whole
}

func newHTTPScript(c casting) (script, error) {
	request, err := findHTTPRequest(c.request)
	if err != nil {
		return nil, err
	}
	return &httpScript{
		requests: newCycle(fmt.Appendf(nil, request, c.addr), c.transfer),
		rest:     make([][]byte, c.conns),
	}, nil
}

func (s *httpScript) greeting() []byte { return nil }
func (s *httpScript) size() int64      { return s.requests.period }

func (s *httpScript) at(_ int, pos int64, n int) []byte { return s.requests.at(pos, n) }

func (s *httpScript) reset(i int) { s.rest[i] = nil }

func (s *httpScript) broadcast([]byte) []byte { return nil }

func (s *httpScript) heard(i int, p []byte) (answers int, _ []byte, err error) {
	rest := s.rest[i]
	if len(rest) > 0 {
		rest = append(rest, p...)
		p = rest
	}
	for len(p) > 0 {
		if len(s.known) > 0 && bytes.HasPrefix(p, s.known) {
			p = p[len(s.known):]
			answers++
			continue
		}
		n, err := checkResponse(p)
		if err != nil {
			return answers, nil, err
		}
		if n == 0 {
			break
		}
		s.known = append(s.known[:0], p[:n]...)
		p = p[n:]
		answers++
	}
	s.rest[i] = append(rest[:0], p...)
	return answers, nil, nil
}

// maxResponse is far more than any peer's response has.
const maxResponse = 16 << 10

// checkResponse checks the response that p begins with and returns its length, 0
// if p does not hold all of it.
func checkResponse(p []byte) (n int, err error) {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	if end < 0 {
		if len(p) > maxResponse {
			return 0, errors.New("the head of a response has no end")
		}
		return 0, nil
	}
	status, fields, _ := strings.Cut(string(p[:end]), "\r\n")
	if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return 0, fmt.Errorf("the response is %q", status)
	}
	seen := make(map[string]string)
	for line := range strings.SplitSeq(fields, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		name = strings.ToLower(name)
		if _, twice := seen[name]; !ok || twice {
			return 0, fmt.Errorf("the response has a field %q which is malformed or repeated", line)
		}
		seen[name] = strings.TrimSpace(value)
	}
	switch length := seen["content-length"]; {
	case length != strconv.Itoa(len(httpBody)):
		return 0, fmt.Errorf("the response has Content-Length %q, want %d", length, len(httpBody))
	case seen["transfer-encoding"] != "" || seen["content-encoding"] != "":
		return 0, errors.New("the response is encoded")
	case seen["connection"] != "" && !strings.EqualFold(seen["connection"], "keep-alive"):
		return 0, fmt.Errorf("the response says Connection: %s", seen["connection"])
	case !strings.HasPrefix(seen["content-type"], "text/plain"):
		return 0, fmt.Errorf("the response has Content-Type %q", seen["content-type"])
	case seen["date"] == "":
		return 0, errors.New("the response has no Date")
	}
	body := p[end+4:]
	if got := body[:min(len(body), len(httpBody))]; string(got) != httpBody[:len(got)] {
		return 0, fmt.Errorf("the response has the body %q, want %q", got, httpBody)
	}
	if len(body) < len(httpBody) {
		return 0, nil
	}
	return end + 4 + len(httpBody), nil
}
