package weir_test

import (
	"bufio"

	"github.com/weir-go/weir/codec"
)

// words is a codec of a bufio.SplitFunc.
var words = codec.Split{Func: bufio.ScanWords, Suffix: []byte(" "), Name: "words"}
