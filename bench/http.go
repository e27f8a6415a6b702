//go:build unix

package main

import "slices"

// httpPeers are the servers of the http benchmark, in the order of the table.
var httpPeers = slices.Concat(
	[]peer{netHTTPPeer, fasthttpPeer},
	hertzPeers,
	weirHTTPPeers,
)

func httpBenchmark() benchmark {
	return benchmark{
		name:  "http",
		about: "GET /plaintext over HTTP/1.1: CPU, latency and memory per peer",
		intro: `Asks servers for a "Hello, World!" over keep-alive connections, and tells what a
request costs the server: each peer runs in a process of its own on one core, the
load in another process on another core, peer after peer, round after round.
Every response is checked. With -pipeline N a connection sends N requests at once,
and the next N when it has all of the responses, as wrk does. What is called a message below is a request and its
response.
`,
		use: `  go run ./bench http -conns 1000
  go run ./bench http -conns 1,100,1000 -pipeline 1 -rounds 5 -json http.json
  go run ./bench http -conns 1000 -pipeline 1 -rate 20000
  go run ./bench http -peers weir-fast -pipeline 16 -cpuprofile cpu.prof
`,
		unit:   "req",
		peers:  httpPeers,
		bases:  []base{baseOf("net/http"), baseOf("fasthttp")},
		batch:  true,
		script: newHTTPScript,
		defaults: options{
			conns:     intList{100},
			pipelines: intList{1, 16},
			request:   "wrk",
		},
	}
}
