package codec_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weir-go/weir/codec"
)

// printFrames cuts all the frames that buf holds, as a connection would.
func printFrames(c codec.Codec, buf []byte) {
	for {
		frame, n, err := c.Decode(buf)
		if err != nil {
			fmt.Println(err)
			return
		}
		if n == 0 {
			fmt.Printf("%d bytes left\n", len(buf))
			return
		}
		if frame != nil {
			fmt.Printf("%q\n", frame)
		}
		buf = buf[n:]
	}
}

func ExampleRaw() {
	printFrames(codec.Raw{Max: 8}, []byte("whatever comes"))
	// Output:
	// "whatever"
	// " comes"
	// 0 bytes left
}

func ExampleLine() {
	printFrames(codec.Line{}, []byte("HELO there\r\nQUIT\nunfini"))
	// Output:
	// "HELO there"
	// "QUIT"
	// 6 bytes left
}

func ExampleLine_Append() {
	c := codec.Line{CRLF: true}
	buf, _ := c.Append(nil, []byte("250 OK"))
	_, err := c.Append(buf, []byte("two\nlines"))
	fmt.Printf("%q\n%v\n", buf, err)
	// Output:
	// "250 OK\r\n"
	// codec line: malformed frame: LF inside a line
}

func ExampleDelimiter() {
	c := codec.Delimiter{Delim: []byte("\r\n.\r\n")}
	printFrames(c, []byte("first\r\nmail\r\n.\r\nsecond\r\n.\r\n"))
	// Output:
	// "first\r\nmail"
	// "second"
	// 0 bytes left
}

func ExampleFixed() {
	printFrames(codec.Fixed{Size: 4}, []byte("tickettock!"))
	// Output:
	// "tick"
	// "etto"
	// 3 bytes left
}

func ExampleLengthField() {
	c := codec.LengthField{Width: 4, Strip: 4}
	buf, _ := c.Append(nil, []byte("hello"))
	buf, _ = c.Append(buf, []byte("world"))
	fmt.Printf("%q\n", buf)
	printFrames(c, buf)
	// Output:
	// "\x00\x00\x00\x05hello\x00\x00\x00\x05world"
	// "hello"
	// "world"
	// 0 bytes left
}

// A header of a type, a length that counts the header too, and a flag; the
// handler wants to see all of it.
func ExampleLengthField_header() {
	c := codec.LengthField{Offset: 1, Width: 2, Order: binary.LittleEndian, Adjust: -3}
	if err := c.Validate(); err != nil {
		panic(err)
	}
	buf, _ := c.Append(nil, []byte("T\x00\x00Fpayload"))
	printFrames(c, buf)
	// Output:
	// "T\v\x00Fpayload"
	// 0 bytes left
}

// A buffer for a large frame can be allocated as soon as its header is there.
func ExampleLengthField_FrameSize() {
	c := codec.LengthField{Width: 4, Strip: 4, Max: 128 << 20}
	fmt.Println(c.FrameSize([]byte{0x06, 0x40, 0x00, 0x00}))
	// Output: 104857604
}

func ExampleVarint() {
	c := codec.Varint{}
	buf, _ := c.Append(nil, []byte("a message"))
	fmt.Printf("%q\n", buf)
	printFrames(c, buf)
	// Output:
	// "\ta message"
	// "a message"
	// 0 bytes left
}

func ExampleSplit() {
	c := codec.Split{Func: bufio.ScanWords, Suffix: []byte(" ")}
	printFrames(c, []byte(" to be  or not"))
	// Output:
	// "to"
	// "be"
	// "or"
	// 3 bytes left
}

// The end of the stream completes the last word.
func ExampleSplit_Finish() {
	c := codec.Split{Func: bufio.ScanWords}
	last, n, _ := c.Finish([]byte("not"))
	fmt.Printf("%q %d\n", last, n)
	// Output: "not" 3
}

func ExampleError() {
	_, _, err := codec.Line{Max: 4}.Decode([]byte("much too long\n"))
	var e *codec.Error
	if errors.As(err, &e) && errors.Is(err, codec.ErrTooLarge) {
		fmt.Println(e.Codec, e.Max)
	}
	// Output: line 4
}
