package web_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// A router of net/http, unchanged, on weir.
func ExampleHandler() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello, %s!", r.PathValue("name"))
	})
	h := web.Handler(mux)
	h.Limits.MaxBody = 10 << 20

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := &weir.Server{Handler: h}
	go srv.Serve(ln)
	defer srv.Shutdown(context.Background())

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + ln.Addr().String() + "/hello/gopher")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Println(res.Status, string(body), err)
	// Output: 200 OK Hello, gopher! <nil>
}
