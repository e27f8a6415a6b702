package websocket

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// Codes of a close frame (RFC 6455, section 7.4.1, and the IANA registry). 3000 to
// 3999 are registered by libraries and frameworks, 4000 to 4999 are free for
// private use.
const (
	NormalClosure   = 1000
	GoingAway       = 1001 // a server goes down, a browser leaves the page
	ProtocolError   = 1002
	UnsupportedData = 1003
	NoStatus        = 1005 // never sent: the close frame had no code
	Abnormal        = 1006 // never sent: the connection ended without a close frame
	InvalidPayload  = 1007 // such as text that is not UTF-8
	PolicyViolation = 1008
	TooBig          = 1009
	MandatoryExt    = 1010
	InternalError   = 1011
	ServiceRestart  = 1012
	TryAgainLater   = 1013
	BadGateway      = 1014
)

// MaxReason is the largest reason of a close frame in bytes: the 125 of a control
// frame less the code.
const MaxReason = maxControl - 2

// ValidCode reports whether a close frame may carry code: one of those defined
// for it above, or one from 3000 to 4999 (sections 7.4.1 and 7.4.2).
func ValidCode(code int) bool {
	return 0 <= code && code <= 0xffff && codeFault(ws.StatusCode(code)) == ""
}

func codeFault(code ws.StatusCode) fault {
	switch {
	case ServiceRestart <= code && code <= BadGateway:
		return "" // registered after RFC 6455, which gobwas/ws goes by
	case code > 4999:
		return fault(ws.ErrProtocolStatusCodeUnknown)
	}
	if err := ws.CheckCloseFrameData(code, ""); err != nil {
		return err.Error()
	}
	return ""
}

// AppendClose appends an unmasked close frame to dst and returns the extended
// slice. It holds code and reason, or nothing at all if code is one that must not
// be sent (ValidCode), such as NoStatus or 0. A reason longer than [MaxReason] is
// cut, at the end of a rune; what of it is not UTF-8 becomes U+FFFD.
func AppendClose(dst []byte, code int, reason string) []byte {
	var buf [maxControl]byte
	return AppendFrame(dst, Close, true, false, AppendClosePayload(buf[:0], code, reason))
}

// AppendClosePayload appends what AppendClose puts into the frame, for a frame
// that a client masks.
func AppendClosePayload(dst []byte, code int, reason string) []byte {
	if !ValidCode(code) {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	left := MaxReason
	for _, r := range reason {
		if left -= utf8.RuneLen(r); left < 0 {
			break
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// ParseClose takes the payload of a close frame apart. An empty one means
// NoStatus. The error is an [*Error]: ProtocolError for a payload of one byte or a
// code that must not be sent, InvalidPayload for a reason that is not UTF-8
// (sections 5.5.1, 7.4 and 8.1). [Reader] has already checked all of that.
func ParseClose(payload []byte) (code int, reason string, err error) {
	if len(payload) == 0 {
		return NoStatus, "", nil
	}
	if err := checkClose(payload); err != nil {
		return 0, "", err
	}
	return int(binary.BigEndian.Uint16(payload)), string(payload[2:]), nil
}

func checkClose(payload []byte) error {
	switch {
	case len(payload) == 0:
		return nil
	case len(payload) == 1:
		return protocolError("close frame has half a status code")
	case len(payload) > maxControl:
		return protocolError(fault(ws.ErrProtocolControlPayloadOverflow))
	}
	if f := codeFault(ws.StatusCode(binary.BigEndian.Uint16(payload))); f != "" {
		return protocolError(f)
	}
	if !utf8.Valid(payload[2:]) {
		return invalidPayload(fault(ws.ErrProtocolInvalidUTF8))
	}
	return nil
}
