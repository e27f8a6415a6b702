package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/weir-go/weir/push/protocol"
)

// decode reads the body, an object with some of the known fields, into v.
func (c *call) decode(v any, max int64, known []string) error {
	media, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return unsupported("Content-Type has to be application/json")
	}
	if e := c.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return unsupported("Content-Encoding is not supported")
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, max))
	if err != nil {
		if long := (*http.MaxBytesError)(nil); errors.As(err, &long) {
			return tooLarge("the body may have up to %d bytes", max)
		}
		f := malformed("the body cannot be read")
		f.err = err
		return f
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return badJSON(err, known)
	}
	if _, err := d.Token(); err != io.EOF {
		return malformed("there is something behind the JSON object")
	}
	return nil
}

// badJSON says what is wrong with a body.
func badJSON(err error, known []string) *failure {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF):
		return malformed("the body is empty, it has to be a JSON object")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return malformed("the body is not JSON: it ends too early")
	case errors.As(err, &syntax):
		return malformed("the body is not JSON: %v, at byte %d", syntax, syntax.Offset)
	case errors.As(err, &wrong) && wrong.Field == "":
		return malformed("the body has to be a JSON object, it is: %s", wrong.Value)
	case errors.As(err, &wrong):
		hint := ""
		if strings.HasSuffix(wrong.Field, "data") {
			hint = " (JSON goes into it as text)"
		}
		return malformed("%s has to be %s, it is: %.40s%s", wrong.Field, kind(wrong), wrong.Value, hint)
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return malformed("unknown field %.80s, known are %s", field, strings.Join(known, ", "))
	}
	return malformed("the body cannot be decoded")
}

// kind names the type that a field has.
func kind(e *json.UnmarshalTypeError) string {
	switch name := e.Type.String(); {
	case strings.HasPrefix(name, "uint"):
		return "a whole number from 0 on, and not too large"
	case name == "bool":
		return "true or false"
	case strings.HasPrefix(name, "[]"):
		return "a list"
	case strings.Contains(name, "string"):
		return "a string"
	}
	return "an object"
}

func unsupported(message string) *failure {
	return &failure{status: http.StatusUnsupportedMediaType, code: protocol.CodeMalformed, message: message}
}
