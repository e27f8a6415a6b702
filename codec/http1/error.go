package http1

import (
	"strconv"

	"github.com/weir-go/weir/codec"
)

// Error is a request that is refused. The errors of this package are all of
// this type, to be met with errors.As; errors.Is finds codec.ErrTooLarge for the
// statuses 413, 414 and 431, which are about a limit, and codec.ErrMalformed for
// the others.
//
// Whatever the status, the connection cannot be used further: nobody knows
// where the next request begins. The values are shared; do not change them.
type Error struct {
	Status int    // of the response to send, such as 400
	Detail string // what is wrong, fit to be told to the peer
}

func (e *Error) Error() string {
	return "http1: " + strconv.Itoa(e.Status) + " " + Reason(e.Status) + ": " + e.Detail
}

// Unwrap returns codec.ErrTooLarge or codec.ErrMalformed.
func (e *Error) Unwrap() error {
	switch e.Status {
	case 413, 414, 431:
		return codec.ErrTooLarge
	}
	return codec.ErrMalformed
}

// The errors are made once: a flood of bad requests is no reason to allocate.
var (
	errEmptyLines = &Error{400, "too many empty lines before a request"}
	errMethod     = &Error{400, "invalid method"}
	errMethodLong = &Error{501, "method too long"}
	errTarget     = &Error{400, "invalid request target"}
	errTargetLong = &Error{414, "request line too long"}
	errVersion    = &Error{400, "invalid HTTP version"}
	errMajor      = &Error{505, "only HTTP/1 is spoken here"}
	errAuthority  = &Error{400, "invalid authority in the request target"}

	errHeadLong  = &Error{431, "head of the request too long"}
	errTooMany   = &Error{431, "too many header fields"}
	errBareLF    = &Error{400, "line ends without CR"}
	errBareCR    = &Error{400, "CR without LF"}
	errFold      = &Error{400, "folded header line"}
	errName      = &Error{400, "invalid header field name"}
	errNameSpace = &Error{400, "whitespace before the colon"}
	errNoColon   = &Error{400, "header line without a colon"}
	errValue     = &Error{400, "control character in a header field"}

	errNoHost     = &Error{400, "missing Host"}
	errHost       = &Error{400, "invalid Host"}
	errHosts      = &Error{400, "more than one Host"}
	errLength     = &Error{400, "invalid Content-Length"}
	errLengths    = &Error{400, "more than one Content-Length"}
	errBoth       = &Error{400, "Content-Length and Transfer-Encoding"}
	errCoding10   = &Error{400, "Transfer-Encoding in HTTP/1.0"}
	errCoding     = &Error{400, "invalid Transfer-Encoding"}
	errNotChunked = &Error{501, "transfer coding other than chunked"}
	errExpect     = &Error{417, "expectation other than 100-continue"}
	errAnnounced  = &Error{400, "forbidden field name in Trailer"}

	errChunkSize    = &Error{400, "invalid chunk size"}
	errChunkLine    = &Error{400, "chunk size line too long"}
	errChunkExt     = &Error{400, "invalid chunk extension"}
	errChunkFlood   = &Error{400, "more chunk framing than data"}
	errChunkEnd     = &Error{400, "no CRLF after the data of a chunk"}
	errChunkLong    = &Error{413, "chunk too large"}
	errTrailerLong  = &Error{431, "trailer section too long"}
	errTrailerField = &Error{400, "forbidden field in the trailer section"}
)
