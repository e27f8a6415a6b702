package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
)

func Example() {
	server, err := push.New(push.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	// On weir: web.Handler(api.New(server, api.Options{})), and a web.WebSocket beside it.
	site := httptest.NewServer(api.New(server, api.Options{}))
	defer site.Close()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 2 {
		r, err := http.NewRequest("POST", site.URL+"/api/publish", strings.NewReader(`{"topic":"news","data":"hello","qos":1}`))
		if err != nil {
			fmt.Println(err)
			return
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "order-7")
		res, err := client.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		var receipt push.Receipt
		err = json.NewDecoder(res.Body).Decode(&receipt)
		res.Body.Close()
		fmt.Println(res.Status, receipt.Offset, receipt.Duplicate, err)
	}
	// Output:
	// 200 OK 1 false <nil>
	// 200 OK 1 true <nil>
}
