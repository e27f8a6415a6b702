package protocol

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

func decodeJSON(b []byte) (Frame, error) {
	switch string(b) { // the frequent ones
	case `{"type":"ping"}`:
		return &Ping{}, nil
	case `{"type":"pong"}`:
		return &Pong{}, nil
	}
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8") // encoding/json would replace what is not
	}
	name, err := jsonType(b)
	if err != nil {
		return nil, err
	}
	f, err := jsonFrame(b, name)
	if err == nil {
		err = check(f)
	}
	if err != nil {
		return nil, fmt.Errorf("%.20q: %w", name, err)
	}
	return f, nil
}

// jsonType returns the type of a frame. Most senders begin with it, so that it need not
// be searched for.
func jsonType(b []byte) (string, error) {
	if rest, ok := bytes.CutPrefix(b, []byte(`{"type":"`)); ok {
		if i := bytes.IndexByte(rest, '"'); i >= 0 && bytes.IndexByte(rest[:i], '\\') < 0 {
			return string(rest[:i]), nil
		}
	}
	var f struct {
		Type *string `json:"type"`
	}
	if err := unmarshal(b, &f); err != nil {
		return "", err
	}
	if f.Type == nil {
		return "", errors.New("there is no \"type\"")
	}
	return *f.Type, nil
}

func jsonFrame(b []byte, name string) (Frame, error) {
	switch name {
	case "hello":
		return jsonHello(b)
	case "welcome":
		f := &Welcome{}
		return f, unmarshal(b, f)
	case "sub":
		f := &Sub{}
		return f, unmarshal(b, f)
	case "subok":
		f := &SubOK{}
		return f, unmarshal(b, f)
	case "unsub":
		f := &Unsub{}
		return f, unmarshal(b, f)
	case "pub":
		var f struct {
			Pub
			jsonData
		}
		err := unmarshal(b, &f)
		if err == nil {
			f.Pub.Data, err = f.bytes()
		}
		return &f.Pub, err
	case "puback":
		f := &PubAck{}
		return f, unmarshal(b, f)
	case "msg":
		var f struct {
			Msg
			jsonData
		}
		err := unmarshal(b, &f)
		if err == nil {
			f.Msg.Data, err = f.bytes()
		}
		return &f.Msg, err
	case "ack":
		f := &Ack{}
		return f, unmarshal(b, f)
	case "ping":
		f := &Ping{}
		return f, unmarshal(b, f)
	case "pong":
		f := &Pong{}
		return f, unmarshal(b, f)
	case "token":
		f := &Token{}
		return f, unmarshal(b, f)
	case "presence":
		f := &Presence{}
		err := unmarshal(b, f)
		f.Clients, f.Joined, f.Left = orNil(f.Clients), orNil(f.Joined), orNil(f.Left)
		return f, err
	case "goaway":
		f := &GoAway{}
		return f, unmarshal(b, f)
	case "err":
		f := &Err{}
		return f, unmarshal(b, f)
	}
	return nil, errors.New("there is no such type")
}

// jsonHello reads the version first: nothing is known of others.
func jsonHello(b []byte) (Frame, error) {
	var v struct {
		Version uint8 `json:"version"`
	}
	if err := unmarshal(b, &v); err != nil || v.Version != Version {
		return &Hello{Version: v.Version}, err
	}
	f := &Hello{}
	err := unmarshal(b, f)
	if len(f.Cursors) == 0 {
		f.Cursors = nil
	}
	return f, err
}

// jsonData is how JSON has Data.
type jsonData struct {
	Text   *string `json:"data"`
	Base64 *string `json:"base64"`
}

func (d *jsonData) bytes() ([]byte, error) {
	switch {
	case d.Text != nil && d.Base64 != nil:
		return nil, errors.New("both data and base64")
	case d.Text != nil && *d.Text != "":
		return []byte(*d.Text), nil
	case d.Base64 != nil && *d.Base64 != "":
		b, err := base64.StdEncoding.DecodeString(*d.Base64)
		if err != nil {
			return nil, errors.New("base64: it is not")
		}
		return b, nil
	}
	return nil, nil
}

// orNil returns nil for an empty list.
func orNil(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return list
}

// unmarshal is json.Unmarshal with errors that a peer can be told.
func unmarshal(b []byte, v any) error {
	err := json.Unmarshal(b, v)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		field := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]
		if field == "" {
			return fmt.Errorf("not an object: %s", wrong.Value)
		}
		return fmt.Errorf("%s: %.40s is not possible", field, wrong.Value)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON: %w", syntax)
	}
	return err
}
