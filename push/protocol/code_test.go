package protocol_test

import (
	"errors"
	"testing"

	"github.com/weir-go/weir/push/protocol"
)

func TestCodes(t *testing.T) {
	names := map[string]bool{}
	last := protocol.Code(0)
	for _, c := range protocol.Codes() {
		if c <= last || names[c.String()] {
			t.Errorf("%d %v: out of order or twice", c, c)
		}
		last, names[c.String()] = c, true
		if c.Temporary() != (c/100 == 3) || c.CloseCode() != 4000+int(c) {
			t.Errorf("%v: temporary %v, close code %d", c, c.Temporary(), c.CloseCode())
		}
		stays := c == 200 || c == 201 || c == 202 || c == 205
		if c.Retryable() == stays {
			t.Errorf("%v: retryable %v", c, c.Retryable())
		}
	}
	if protocol.CodeSlowConsumer.String() != "slow_consumer" || protocol.Code(999).String() != "code 999" {
		t.Error("names are wrong")
	}
}

func TestNames(t *testing.T) {
	if len(protocol.Types()) != 15 || protocol.TypeSubOK.String() != "subok" ||
		protocol.Type(0).String() != "type 0" || protocol.Type(99).String() != "type 99" {
		t.Error("names of types are wrong")
	}
	if protocol.Binary.String() != "binary" || protocol.JSON.String() != "json" || protocol.Encoding(7).String() != "encoding 7" {
		t.Error("names of encodings are wrong")
	}
}

func TestErrIsAnError(t *testing.T) {
	var err error = &protocol.Err{ID: 1, Code: protocol.CodeForbidden, Message: "not that topic"}
	var refused *protocol.Err
	if !errors.As(err, &refused) || err.Error() != "push: refused: forbidden (203): not that topic" {
		t.Error(err)
	}
	if err := (&protocol.Err{Code: 301}).Error(); err != "push: refused: overloaded (301)" {
		t.Error(err)
	}
}
