package web_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

func ExampleFast() {
	h := web.Fast(func(x *web.Ctx) {
		if string(x.Path()) != "/hello" {
			x.Error(http.StatusNotFound, "try /hello")
			return
		}
		x.SetContentType("text/plain; charset=utf-8")
		fmt.Fprintf(x, "Hello, %s!\n", x.Header("User-Agent"))
	})
	h.Limits.MaxBody = 64 << 10
	srv := &weir.Server{Handler: h, Config: weir.Config{Dispatch: weir.Inline}}
	log.Fatal(srv.ListenAndServe("tcp", "127.0.0.1:8080"))
}
