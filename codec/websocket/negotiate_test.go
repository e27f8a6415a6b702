package websocket_test

import (
	"testing"

	"github.com/weir-go/weir/codec/websocket"
)

func TestNegotiate(t *testing.T) {
	none := websocket.DeflateOptions{}
	both := websocket.DeflateOptions{Takeover: true, PeerTakeover: true}
	small := websocket.DeflateOptions{Takeover: true, PeerTakeover: true, PeerWindowBits: 10}
	const alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	tests := []struct {
		name     string
		options  websocket.DeflateOptions
		fields   []string
		response string // empty: declined
		want     websocket.DeflateParams
	}{
		{"nothing offered", both, nil, "", websocket.DeflateParams{}},
		{"an empty field", both, []string{""}, "", websocket.DeflateParams{}},
		{"something else", both, []string{"x-webkit-deflate-frame"}, "", websocket.DeflateParams{}},
		{"13.1", both, []string{"permessage-deflate"}, "permessage-deflate", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 15}},
		{"each message by itself", none, []string{"permessage-deflate"}, alone, websocket.DeflateParams{PeerWindowBits: 15}},
		{"as browsers ask", none, []string{"permessage-deflate; client_max_window_bits"}, alone, websocket.DeflateParams{PeerWindowBits: 15}},
		{"13.2 server_no_context_takeover", both, []string{"permessage-deflate; server_no_context_takeover"},
			"permessage-deflate; server_no_context_takeover", websocket.DeflateParams{PeerTakeover: true, PeerWindowBits: 15}},
		{"client_no_context_takeover", both, []string{"permessage-deflate;client_no_context_takeover"},
			"permessage-deflate; client_no_context_takeover", websocket.DeflateParams{Takeover: true, PeerWindowBits: 15}},
		{"13.3 server_max_window_bits=9", both, []string{"permessage-deflate; server_max_window_bits=9"}, "", websocket.DeflateParams{}},
		{"14", both, []string{"permessage-deflate; server_max_window_bits=14"}, "", websocket.DeflateParams{}},
		{"13.4 server_max_window_bits=15", both, []string{"permessage-deflate; server_max_window_bits=15"},
			"permessage-deflate; server_max_window_bits=15", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 15}},
		{"13.7 several offers", both, []string{"permessage-deflate; server_no_context_takeover; server_max_window_bits=9, permessage-deflate; server_no_context_takeover, permessage-deflate"},
			"permessage-deflate; server_no_context_takeover", websocket.DeflateParams{PeerTakeover: true, PeerWindowBits: 15}},
		{"several fields", both, []string{"foo; bar=1", "permessage-deflate; server_max_window_bits=8", "permessage-deflate"},
			"permessage-deflate", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 15}},
		{"smaller window asked for", small, []string{"permessage-deflate; client_max_window_bits"},
			"permessage-deflate; client_max_window_bits=10", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 10}},
		{"but not offered", small, []string{"permessage-deflate"}, "permessage-deflate", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 15}},
		{"an even smaller one offered", small, []string{"permessage-deflate; client_max_window_bits=9"},
			"permessage-deflate; client_max_window_bits=9", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 9}},
		{"a larger one offered", small, []string{"permessage-deflate; client_max_window_bits=12"},
			"permessage-deflate; client_max_window_bits=10", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 10}},
		{"a full one offered", both, []string{"permessage-deflate; client_max_window_bits=15"},
			"permessage-deflate", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 15}},
		{"quoted", both, []string{`permessage-deflate; client_max_window_bits="1\0"`},
			"permessage-deflate; client_max_window_bits=10", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 10}},
		{"white space", both, []string{" ,\t, permessage-deflate\t;  server_no_context_takeover ; client_max_window_bits = 10 ,"},
			"permessage-deflate; server_no_context_takeover; client_max_window_bits=10", websocket.DeflateParams{PeerTakeover: true, PeerWindowBits: 10}},

		{"unknown parameter", both, []string{"permessage-deflate; foo"}, "", websocket.DeflateParams{}},
		{"unknown, then a valid offer", both, []string{"permessage-deflate; foo=1, permessage-deflate"}, "permessage-deflate", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 15}},
		{"repeated parameter", both, []string{"permessage-deflate; server_no_context_takeover; server_no_context_takeover"}, "", websocket.DeflateParams{}},
		{"repeated without a value", both, []string{"permessage-deflate; client_max_window_bits; client_max_window_bits"}, "", websocket.DeflateParams{}},
		{"repeated with and without", both, []string{"permessage-deflate; client_max_window_bits=10; client_max_window_bits"}, "", websocket.DeflateParams{}},
		{"value where there is none", both, []string{"permessage-deflate; server_no_context_takeover=1"}, "", websocket.DeflateParams{}},
		{"no value where there is one", both, []string{"permessage-deflate; server_max_window_bits"}, "", websocket.DeflateParams{}},
		{"empty value", both, []string{`permessage-deflate; client_max_window_bits=""`}, "", websocket.DeflateParams{}},
		{"7 bits", both, []string{"permessage-deflate; client_max_window_bits=7"}, "", websocket.DeflateParams{}},
		{"16 bits", both, []string{"permessage-deflate; client_max_window_bits=16"}, "", websocket.DeflateParams{}},
		{"leading zero", both, []string{"permessage-deflate; client_max_window_bits=010"}, "", websocket.DeflateParams{}},
		{"negative", both, []string{"permessage-deflate; client_max_window_bits=-9"}, "", websocket.DeflateParams{}},
		{"not a number", both, []string{"permessage-deflate; server_max_window_bits=15x"}, "", websocket.DeflateParams{}},
		{"overflow", both, []string{"permessage-deflate; server_max_window_bits=18446744073709551631"}, "", websocket.DeflateParams{}},
		{"quote not closed", both, []string{`permessage-deflate; client_max_window_bits="10`}, "", websocket.DeflateParams{}},
		{"escape at the end", both, []string{`permessage-deflate; client_max_window_bits="10\`}, "", websocket.DeflateParams{}},
		{"no parameter", both, []string{"permessage-deflate;"}, "", websocket.DeflateParams{}},
		{"no separator", both, []string{"permessage-deflate server_no_context_takeover"}, "", websocket.DeflateParams{}},
		{"not well-formed before", both, []string{"foo/bar, permessage-deflate"}, "", websocket.DeflateParams{}},
		{"not well-formed in a field before", both, []string{"foo/bar", "permessage-deflate"}, "permessage-deflate", websocket.DeflateParams{Takeover: true, PeerTakeover: true, PeerWindowBits: 15}},
		{"another case", both, []string{"Permessage-Deflate"}, "", websocket.DeflateParams{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := tt.options.Negotiate(tt.fields)
			if ok != (tt.response != "") || got.Response() != tt.response {
				t.Fatalf("got %v, %q, want %q", ok, got.Response(), tt.response)
			}
			if got.Takeover != tt.want.Takeover || got.PeerTakeover != tt.want.PeerTakeover || got.PeerWindowBits != tt.want.PeerWindowBits {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			f, d := got.Inflater(), got.Deflater(3)
			if f.Takeover != got.PeerTakeover || f.WindowBits != got.PeerWindowBits || d.Takeover != got.Takeover || d.Level != 3 {
				t.Errorf("got %+v and %+v", f, d)
			}
		})
	}
}
