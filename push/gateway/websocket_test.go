package gateway_test

import (
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// The endpoint works on weir's fast path too.
func TestFast(t *testing.T) {
	v := serve(t, setting{})
	v.webAt = start(t, &weir.Server{Handler: web.Fast(v.sockets.ServeFast), Config: gateway.Config(weir.Config{})})
	for _, tr := range transports[:2] {
		v.join(t, tr, protocol.Hello{}).converse()
	}
}
