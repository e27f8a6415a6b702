package http1_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

// A dechunking is all that a chunked body comes to.
type dechunking struct {
	data    []byte
	trailer string
	done    bool
	n       int // of the stream, consumed
	err     error
}

func (d dechunking) String() string {
	return fmt.Sprintf("%q, trailer %s, done %v, n %d, error %v", d.data, d.trailer, d.done, d.n, d.err)
}

func describeFields(fields []http1.Header) (s string) {
	for _, h := range fields {
		s += fmt.Sprintf("%q:%q ", h.Name, h.Value)
	}
	return s
}

// dechunk feeds the chunks to a Chunked as a connection would. d is reset.
func dechunk(t testing.TB, d *http1.Chunked, chunks ...[]byte) (got dechunking) {
	t.Helper()
	d.Reset()
	var rest []byte
	for _, chunk := range chunks {
		rest = append(rest[:len(rest):len(rest)], chunk...)
		for {
			data, n, err := d.Next(rest)
			if err != nil {
				checkError(t, n, err)
				if _, _, again := d.Next(rest); again != err || d.Done() || d.Trailer() != nil {
					t.Fatalf("error %v, then %v, done %v", err, again, d.Done())
				}
				// Where in the stream it is wrong is not told: only the data before.
				return dechunking{data: got.data, err: err}
			}
			if n < 0 || n > len(rest) || len(data) > n || len(data) != cap(data) {
				t.Fatalf("%q: n %d, data %q, capacity %d", rest, n, data, cap(data))
			}
			if n == 0 {
				break
			}
			got.data = append(got.data, data...)
			got.n += n
			rest = rest[n:]
		}
		if len(rest) > 4096 && !d.Done() {
			t.Fatalf("%d bytes are left", len(rest))
		}
	}
	got.done = d.Done()
	clear(rest) // what the trailer fields must not be views of
	got.trailer = describeFields(d.Trailer())
	return got
}

// dechunkAllWays is parseAllWays for a chunked body.
func dechunkAllWays(t testing.TB, d *http1.Chunked, stream []byte) dechunking {
	t.Helper()
	whole := dechunk(t, d, bytes.Clone(stream))
	same := func(how string, got dechunking) {
		t.Helper()
		if got.done != whole.done || got.err != whole.err || !bytes.Equal(got.data, whole.data) ||
			got.trailer != whole.trailer || got.done && got.n != whole.n {
			t.Fatalf("%q\n%-12s: %v\nwhole       : %v", stream, how, got, whole)
		}
	}
	same("byte by byte", dechunk(t, d, bytesOf(stream)...))
	for i := 0; i < len(stream); i += 1 + len(stream)/1000 {
		same(fmt.Sprintf("split at %d", i), dechunk(t, d, bytes.Clone(stream[:i]), bytes.Clone(stream[i:])))
	}
	return whole
}

// chunkTests are for Chunked and ChunkCodec alike.
var chunkTests = []struct {
	name    string
	stream  string
	data    string
	trailer string
	rest    string
	done    bool
	status  int
	detail  string
}{
	{"nothing", "", "", "", "", false, 0, ""},
	{"empty", "0\r\n\r\n", "", "", "", true, 0, ""},
	{"two chunks", "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\nGET", "hello, world", "", "GET", true, 0, ""},
	{"digits", "00a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n", "01234567890123456789", "", "", true, 0, ""},
	{"as many digits as may be", "0000000000000001\r\nx\r\n0000000000000000\r\n\r\n", "x", "", "", true, 0, ""},
	{"data like framing", "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n", "", "", true, 0, ""},
	{"extensions", "1;a\r\nx\r\n1;a=b;c=\"d;\\\"\r;\x80\t\"\r\nx\r\n", "x", "", "", false, 400, ""},
	{"all extensions", "1;a;b=c; d = \"e;\\\"\t\xff\" \r\n", "", "", "", false, 400, "extension"},
	{"well-formed extensions", "1;a;b=c; d\t=\t\"e;\\\"\t\xff\"\r\nx\r\n0;last=\"\"\r\n\r\n", "x", "", "", true, 0, ""},
	{"trailers", "0\r\nA: b\r\nC:\r\nA: \td \r\n\r\nx", "", `"A":"b" "C":"" "A":"d" `, "x", true, 0, ""},
	{"trailers to come", "1\r\nx\r\n0\r\nA: b\r\n\r", "x", "", "0\r\nA: b\r\n\r", false, 0, ""},

	{"no size", "\r\nx", "", "", "", false, 400, "size"},
	{"no size but an extension", ";a\r\nx", "", "", "", false, 400, "size"},
	{"0x", "0x5\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"plus", "+5\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"minus", "-5\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"space before", " 5\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"space behind", "5 \r\nhello\r\n", "", "", "", false, 400, "size"},
	{"tab behind", "5\t\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"space before an extension", "5 ;a\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"underscore", "1_0\r\n", "", "", "", false, 400, "size"},
	{"letter", "5g\r\n", "", "", "", false, 400, "size"},
	{"bare LF behind the size", "5\nhello\r\n", "", "", "", false, 400, "size"},
	{"bare CR behind the size", "5\r5\nhello", "", "", "", false, 400, ""},
	{"CR CR LF", "5\r\r\nhello", "", "", "", false, 400, ""},
	{"NUL", "5\x00\r\nhello", "", "", "", false, 400, "size"},
	{"too many digits", "00000000000000005\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"64 bits and five", "10000000000000005\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"64 bits", "ffffffffffffffff\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"63 bits and one", "8000000000000000\r\nhello\r\n", "", "", "", false, 400, "size"},
	{"no CRLF behind the data", "5\r\nhello0\r\n\r\n", "hello", "", "", false, 400, "after"},
	{"LF behind the data", "5\r\nhello\n0\r\n\r\n", "hello", "", "", false, 400, "after"},
	{"CR behind the data", "5\r\nhello\r0\r\n\r\n", "hello", "", "", false, 400, "after"},
	{"no data", "4\r\n\r\n0\r\n\r\n", "\r\n0\r", "", "", false, 400, "after"},

	{"bare LF behind an extension", "5;a\nhello\r\n", "", "", "", false, 400, "without CR"},
	{"bare LF in an extension", "5;a=\"\nhello\"\r\n", "", "", "", false, 400, "without CR"},
	{"bare CR in an extension", "5;a\rb\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"bare CR in quotes", "5;a=\"\r\"\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"NUL in an extension", "5;a\x00\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"extension without a name", "5;\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"extension with a value only", "5;=a\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"extension without a value", "5;a=\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"quotes without an end", "5;a=\"b\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"quotes that a backslash keeps open", "5;a=\"b\\\"\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"quotes that end in a backslash", "5;a=\"b\\\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"space behind an extension", "5;a \r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"extension of two words", "5;a b\r\nhello\r\n", "", "", "", false, 400, "extension"},
	{"longest extension", "1;" + strings.Repeat("a", 1020) + "\r\nx\r\n0\r\n\r\n", "x", "", "", true, 0, ""},
	{"extension too long", "1;" + strings.Repeat("a", 1021) + "\r\nx\r\n0\r\n\r\n", "", "", "", false, 400, "too long"},
	{"endless extension", "1;" + strings.Repeat("a", 1022), "", "", "", false, 400, "too long"},

	{"trailer without a colon", "0\r\nA\r\n\r\n", "", "", "", false, 400, "colon"},
	{"folded trailer", "0\r\nA: b\r\n c\r\n\r\n", "", "", "", false, 400, "folded"},
	{"trailer with a blank first", "0\r\n A: b\r\n\r\n", "", "", "", false, 400, "folded"},
	{"trailer with a space", "0\r\nA : b\r\n\r\n", "", "", "", false, 400, "colon"},
	{"bare LF in a trailer", "0\r\nA: b\n\r\n", "", "", "", false, 400, "without CR"},
	{"bare LF for a trailer", "0\r\n\n", "", "", "", false, 400, "without CR"},
	{"bare CR for a trailer", "0\r\n\rx\n", "", "", "", false, 400, "CR"},
	{"NUL in a trailer", "0\r\nA: \x00\r\n\r\n", "", "", "", false, 400, "control"},
	{"length in a trailer", "0\r\nA: b\r\ncontent-length: 5\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"coding in a trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"Host in a trailer", "0\r\nHost: b\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"Connection in a trailer", "0\r\nConnection: close\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"Keep-Alive in a trailer", "0\r\nKeep-Alive: a\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"TE in a trailer", "0\r\nTE: a\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"Expect in a trailer", "0\r\nExpect: 100-continue\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"Trailer in a trailer", "0\r\nTrailer: a\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"Upgrade in a trailer", "0\r\nUpgrade: a\r\n\r\n", "", "", "", false, 400, "forbidden"},
	{"names like forbidden ones", "0\r\nTR: a\r\nHast: b\r\nexpert: c\r\n\r\n", "", `"TR":"a" "Hast":"b" "expert":"c" `, "", true, 0, ""},
	{"as many trailers as may be", "0\r\n" + strings.Repeat("a:\r\n", 100) + "\r\n", "", strings.Repeat(`"a":"" `, 100), "", true, 0, ""},
	{"too many trailers", "0\r\n" + strings.Repeat("a:\r\n", 101) + "\r\n", "", "", "", false, 431, "fields"},
	{"longest trailer", "0\r\na:" + strings.Repeat("x", 4096-6) + "\r\n\r\n", "", `"a":"` + strings.Repeat("x", 4096-6) + `" `, "", true, 0, ""},
	{"trailer too long", "0\r\na:" + strings.Repeat("x", 4096-5) + "\r\n\r\n", "", "", "", false, 431, "trailer"},
	{"endless trailer", "0\r\n" + strings.Repeat("x", 4096), "", "", "", false, 431, "trailer"},
}

func TestChunked(t *testing.T) {
	var d http1.Chunked
	for _, tt := range chunkTests {
		t.Run(tt.name, func(t *testing.T) {
			got := dechunkAllWays(t, &d, []byte(tt.stream))
			checkRefusal(t, got.err, tt.status, tt.detail)
			if string(got.data) != tt.data || got.done != tt.done || got.trailer != tt.trailer ||
				tt.done && tt.stream[got.n:] != tt.rest {
				t.Errorf("got %v", got)
			}
		})
	}
}

// TestChunkedFlood is the body that is nearly all framing: accepted as long as
// it costs no more than its allowance.
func TestChunkedFlood(t *testing.T) {
	extension := strings.Repeat("e", 1000)
	body := func(chunks int, ext, data string) []byte {
		chunk := fmt.Sprintf("%x%s\r\n%s\r\n", len(data), ext, data)
		return []byte(strings.Repeat(chunk, chunks) + "0\r\n\r\n")
	}
	tests := []struct {
		name   string
		stream []byte
		status int
	}{
		{"single bytes", body(50_000, "", "x"), 0},
		{"single bytes with short extensions", body(50_000, ";a=123456789", "x"), 0},
		{"a few long extensions", body(16, ";"+extension, "x"), 0},
		{"many long extensions", body(17, ";"+extension, "x"), 400},
		{"an extension as signatures have for each 1 KiB", body(1000, ";chunk-signature="+extension[:64], strings.Repeat("x", 1024)), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var d http1.Chunked
			got := dechunk(t, &d, tt.stream)
			checkRefusal(t, got.err, tt.status, "")
			if got.done != (tt.status == 0) {
				t.Errorf("done %v", got.done)
			}
		})
	}
}

// TestChunkedReset shows that a decoder, and what it made of one body, are not
// disturbed by what comes next.
func TestChunkedReset(t *testing.T) {
	d := http1.Chunked{MaxTrailer: 8}
	if got := dechunk(t, &d, []byte("0\r\nA: b\r\n\r\n")); !got.done || got.trailer != `"A":"b" ` {
		t.Fatal(got)
	}
	if _, n, err := d.Next([]byte("5\r\nhello")); n != 0 || err != nil || !d.Done() {
		t.Fatal(n, err, d.Done())
	}
	got := dechunk(t, &d, []byte("0\r\nA: bc\r\n\r\n"))
	checkRefusal(t, got.err, 431, "")
	if got = dechunk(t, &d, []byte("1\r\nx\r\n0\r\n\r\n")); !got.done || string(got.data) != "x" || got.trailer != "" {
		t.Fatal(got)
	}
}

// TestChunkedNeed shows that Need never asks for a byte behind the body, and
// that who reads what it asks for gets to the end.
func TestChunkedNeed(t *testing.T) {
	for _, body := range []string{
		"0\r\n\r\n",
		"5\r\nhello\r\n00a;b=c\r\n0123456789\r\n0\r\n\r\n",
		"1\r\nx\r\n000;a\r\nA: b\r\nC: d\r\n\r\n",
	} {
		var d http1.Chunked
		consumed, read := 0, 0
		for !d.Done() {
			data, framing := d.Need()
			need := int(data) + framing
			if need == 0 || consumed+need > len(body) {
				t.Fatalf("%q: %d bytes needed at %d", body, need, consumed)
			}
			// What is there already and not enough for Next is not read again.
			read = max(consumed+need, read+1)
			for n := -1; n != 0; consumed += n {
				var err error
				if _, n, err = d.Next([]byte(body[consumed:read])); err != nil {
					t.Fatal(err)
				}
			}
		}
		if data, framing := d.Need(); data != 0 || framing != 0 || consumed != len(body) {
			t.Errorf("%q: %d and %d bytes needed at the end, at %d", body, data, framing, consumed)
		}
	}
}

// dechunkFrames decodes the frames of ChunkCodec up to the last one.
func dechunkFrames(frames [][]byte) (got dechunking) {
	for _, frame := range frames {
		if got.done {
			break
		}
		var data []byte
		data, got.done = http1.Chunk(frame)
		got.data = append(got.data, data...)
		got.n += len(frame)
		got.trailer = describeFields(http1.AppendTrailer(nil, frame))
	}
	return got
}

func TestChunkCodec(t *testing.T) {
	for _, tt := range chunkTests {
		t.Run(tt.name, func(t *testing.T) {
			stream := tt.stream[:len(tt.stream)-len(tt.rest)]
			if !tt.done {
				stream = tt.stream
			}
			decoded := decodeAllWays(t, http1.ChunkCodec{}, []byte(stream))
			checkRefusal(t, decoded.err, tt.status, tt.detail)
			got := dechunkFrames(decoded.frames)
			// Data of a chunk that turns out to be faulty are not delivered.
			if tt.status == 0 && string(got.data) != tt.data || got.done != tt.done || got.trailer != tt.trailer || string(decoded.rest) != tt.rest && !tt.done {
				t.Errorf("got %v, rest %q", got, decoded.rest)
			}
		})
	}
}

func TestChunkCodecLimits(t *testing.T) {
	c := http1.ChunkCodec{MaxChunk: 16, MaxTrailer: 8}
	tests := []struct {
		stream string
		frames int
		status int
	}{
		{"10\r\n0123456789abcdef\r\n", 1, 0},
		{"11\r\n", 0, 413},
		{"7fffffffffffffff\r\n", 0, 413},
		{"0\r\nA: b\r\n\r\n", 1, 0},
		{"0\r\nA: bc\r\n\r\n", 0, 431},
	}
	for _, tt := range tests {
		got := decodeAllWays(t, c, []byte(tt.stream))
		checkRefusal(t, got.err, tt.status, "")
		if len(got.frames) != tt.frames {
			t.Errorf("%q: %v", tt.stream, got)
		}
	}
}

// TestChunkOfAnything gives the functions for frames what is none.
func TestChunkOfAnything(t *testing.T) {
	for _, frame := range []string{"", "x", "5", "5\r\n", "5\r\nabc", "7fffffffffffffff\r\n", "0", "0\r\n", "0\r\nA"} {
		data, _ := http1.Chunk([]byte(frame))
		if fields := http1.AppendTrailer(nil, []byte(frame)); len(data) > 0 || len(fields) > 0 {
			t.Errorf("%q: data %q, trailer %q", frame, data, fields)
		}
	}
}

func TestChunkCodecAppend(t *testing.T) {
	c := http1.ChunkCodec{MaxChunk: 20}
	var stream []byte
	for _, payload := range []string{"a", "exactly 20 bytes lng", ""} {
		var err error
		if stream, err = c.Append(stream, []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if got := dechunkFrames(decodeAllWays(t, c, stream).frames); string(got.data) != "aexactly 20 bytes lng" || !got.done {
		t.Errorf("%q: %v", stream, got)
	}
	out, err := c.Append([]byte("x"), make([]byte, 21))
	checkRefusal(t, err, 413, "")
	if string(out) != "x" {
		t.Errorf("%q", out)
	}
}
