package http1_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

func TestAppendStatus(t *testing.T) {
	for status := -1; status <= 1001; status++ {
		got := string(http1.AppendStatus([]byte("x"), status))
		reason := http1.Reason(status)
		want := "xHTTP/1.1 " + threeDigits(status) + " " + reason + "\r\n"
		if status < 100 || status > 999 {
			want = "xHTTP/1.1 500 Internal Server Error\r\n"
		}
		if got != want {
			t.Errorf("%d: %q, want %q", status, got, want)
		}
		switch known := http.StatusText(status); status {
		case 104, 413, 414, 416, 422: // newer than what net/http calls them
		case 418: // not in the registry
		default:
			if reason != known {
				t.Errorf("%d: %q, net/http says %q", status, reason, known)
			}
		}
	}
}

func threeDigits(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

func TestAppendHeader(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"A", "b", "A: b\r\n"},
		{"A", "", "A: \r\n"},
		{"A", "b\r\nC: d", "A: b  C: d\r\n"},
		{"A", "\x00\r\n\t\x7f\x80 12345678\n", "A:    \t\x7f\x80 12345678 \r\n"},
		{"A", "1234567\n1234567\r\x01\x01\x01\x01\x01\x01\x0e\x00", "A: 1234567 1234567 \x01\x01\x01\x01\x01\x01\x0e \r\n"},
		{"", "b", ""},
		{"A ", "b", ""},
		{"A:", "b", ""},
		{"A\r\nB", "b", ""},
		{"\xc3\xa9", "b", ""},
	}
	for _, tt := range tests {
		if got := http1.AppendHeader([]byte("x"), tt.name, tt.value); string(got) != "x"+tt.want {
			t.Errorf("%q %q: %q", tt.name, tt.value, got)
		}
		value := []byte(tt.value)
		if got := http1.AppendHeader([]byte("x"), tt.name, value); string(got) != "x"+tt.want || string(value) != tt.value {
			t.Errorf("%q %q: %q, value is now %q", tt.name, tt.value, got, value)
		}
	}
	// Each byte at each place of a step, against the rule.
	for c := range 256 {
		for at := range 17 {
			value := bytes.Repeat([]byte("v"), 17)
			value[at] = byte(c)
			want := strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(string(value))
			if got := http1.AppendHeader(nil, "A", value); string(got) != "A: "+want+"\r\n" {
				t.Fatalf("%q became %q", value, got)
			}
		}
	}
}

func TestAppendContentLength(t *testing.T) {
	for n, want := range map[int64]string{
		0: "Content-Length: 0\r\n", 1<<63 - 1: "Content-Length: 9223372036854775807\r\n", -1: "",
	} {
		if got := http1.AppendContentLength([]byte("x"), n); string(got) != "x"+want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestAppendChunks(t *testing.T) {
	got := http1.AppendChunk(nil, []byte(strings.Repeat("x", 26)))
	got = http1.AppendChunk(got, nil)
	got = http1.AppendLastChunk(got,
		http1.Header{Name: []byte("A"), Value: []byte("b\r\nc")},
		http1.Header{Name: []byte("Content-Length"), Value: []byte("5")},
		http1.Header{Name: []byte("no token"), Value: []byte("5")},
	)
	if want := "1a\r\n" + strings.Repeat("x", 26) + "\r\n0\r\nA: b  c\r\n\r\n"; string(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	var d http1.Chunked
	if body := dechunkAllWays(t, &d, got); !body.done || len(body.data) != 26 || body.trailer != `"A":"b  c" ` {
		t.Error(body)
	}
}
