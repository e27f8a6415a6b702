package http1_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

// TestResumeLooksAtTheLineOnly shows without a clock that the cost of a head
// that arrives one byte at a time is linear. The lines that have ended are
// poisoned: Parse would refuse them, if it looked. They are put right for the
// last byte, behind which the head is parsed as a whole, once.
func TestResumeLooksAtTheLineOnly(t *testing.T) {
	var r http1.Request
	for _, head := range []string{
		head16K(1), head16K(2), head16K(http1.DefaultMaxHeaders - 1),
	} {
		buf := []byte(head)
		poisoned := bytes.Clone(buf)
		for i := range buf {
			if i == len(buf)-1 {
				poisoned = buf
			}
			n, err := r.Parse(poisoned[:i+1], i, http1.Limits{})
			if err != nil || n != 0 && i < len(buf)-1 || n == 0 && i == len(buf)-1 {
				t.Fatalf("byte %d of %d: n %d, error %v", i, len(buf), n, err)
			}
			if buf[i] == '\n' && i < len(buf)-3 {
				line := poisoned[bytes.LastIndexByte(poisoned[:i], '\n')+1 : i]
				for j := range line {
					line[j] = 0
				}
				line[0] = 'G' // but not the first byte, which is always looked at
			}
		}
	}
}

// head16K returns the longest head of so many fields besides Host.
func head16K(fields int) string {
	const begin = "GET / HTTP/1.1\r\nHost: a\r\n"
	rest := http1.DefaultMaxHead - len(begin) - len("\r\n")
	field := "X: " + strings.Repeat("x", rest/fields-len("X: \r\n")) + "\r\n"
	return begin + strings.Repeat(field, fields) + "\r\n"
}

// TestResumeWithinALine shows the same for the line under way: all of it but its
// last byte is a line end, a lie that only a Parse that has looked would notice.
func TestResumeWithinALine(t *testing.T) {
	const begin = "GET / HTTP/1.1\r\nHost: a\r\n"
	buf := []byte(begin)
	var r http1.Request
	if n, err := r.Parse(buf, 0, http1.Limits{}); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	for len(buf) < http1.DefaultMaxHead-1 {
		seen := len(buf)
		buf = append(buf, 'x')
		if n, err := r.Parse(buf, seen, http1.Limits{}); n != 0 || err != nil {
			t.Fatalf("byte %d: n %d, error %v", seen, n, err)
		}
		buf[seen] = '\n'
	}
}

// TestCodecLooksAtTheHeadOnly shows that a body costs the codec nothing, and
// that where no bodies are delivered, heads cost it what they do Parse.
func TestCodecLooksAtTheHeadOnly(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"
	buf := append([]byte(head), bytes.Repeat([]byte("\r\n\r\n\x00\n\n\x00"), 7500)...)
	c := http1.Codec{}
	for i := range len(buf) - 1 {
		frame, n, err := c.DecodeFrom(buf[:i+1], i)
		if frame != nil || n != 0 || err != nil {
			t.Fatalf("byte %d: frame of %d, n %d, error %v", i, len(frame), n, err)
		}
	}
	if frame, n, err := c.Decode(buf); len(frame) != len(buf) || n != len(buf) || err != nil {
		t.Errorf("frame of %d, n %d, error %v", len(frame), n, err)
	}

	c = http1.Codec{MaxBody: -1}
	buf = []byte("GET / HTTP/1.1\r\nHost: a\r\nX: ")
	for len(buf) < http1.DefaultMaxHead-1 {
		seen := len(buf)
		buf = append(buf, 'x')
		if frame, n, err := c.DecodeFrom(buf, seen); frame != nil || n != 0 || err != nil {
			t.Fatalf("byte %d: frame %q, n %d, error %v", seen, frame, n, err)
		}
		buf[seen] = '\n'
	}
}

// TestChunkedResumesTrailers does to a trailer section what the first test does
// to a head.
func TestChunkedResumesTrailers(t *testing.T) {
	section := []byte(strings.Repeat("A-Trailer: "+strings.Repeat("x", 500)+"\r\n", 7) + "\r\n")
	var d http1.Chunked
	if _, n, err := d.Next([]byte("0\r\n")); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	poisoned := bytes.Clone(section)
	for i := range section {
		if i == len(section)-1 {
			poisoned = section
		}
		_, n, err := d.Next(poisoned[:i+1])
		if err != nil || (n != 0) != (i == len(section)-1) {
			t.Fatalf("byte %d of %d: n %d, error %v", i, len(section), n, err)
		}
		if section[i] == '\n' {
			line := poisoned[bytes.LastIndexByte(poisoned[:i], '\n')+1 : i]
			clear(line)
		}
	}
	if !d.Done() || len(d.Trailer()) != 7 {
		t.Errorf("done %v, %d fields", d.Done(), len(d.Trailer()))
	}
}
