//go:build unix

package main

import "slices"

// wsPeers are the servers of the ws benchmark, in the order of the table.
var wsPeers = slices.Concat(
	[]peer{gorillaPeer, coderPeer, gobwasPeer, gwsPeer},
	weirWSPeers,
)

func wsBenchmark() benchmark {
	return benchmark{
		name:  "ws",
		about: "messages that come back over WebSocket: CPU, latency and memory per peer",
		intro: `Sends binary messages over WebSockets to servers that return them, and tells what
a message costs the server: each peer runs in a process of its own on one core,
the load in another process on another core, peer after peer, round after round.
Every byte that comes back is compared. Nobody asks for compression.
`,
		use: `  go run ./bench ws -conns 1000
  go run ./bench ws -conns 10000 -size 16,1024 -rounds 5 -json ws.json
  go run ./bench ws -conns 1000 -rate 20000
  go run ./bench ws -peers weir-ws -cpuprofile cpu.prof
`,
		unit:     "msg",
		peers:    wsPeers,
		bases:    []base{baseOf("gorilla"), baseBest("gorilla", "coder", "gobwas", "gws")},
		maxSize:  maxWSMessage,
		script:   newWSScript,
		defaults: options{conns: intList{1000}, sizes: intList{64}, pipelines: intList{1}},
	}
}

// maxWSMessage is what every peer lets through, some by their default.
const maxWSMessage = 1 << 20
