//go:build unix

package main

import "slices"

// echoPeers are the servers of the echo benchmark, in the order of the table.
// The first two are what everything else is compared with.
var echoPeers = slices.Concat(
	floorPeers(),
	[]peer{netPeer, netLeanPeer},
	netpollPeers,
	weirPeers,
)

func echoBenchmark() benchmark {
	return benchmark{
		name:  "echo",
		about: "messages that come back unchanged: CPU, latency and memory per peer",
		intro: `Sends messages to servers that return them, and tells what a message costs the
server: each peer runs in a process of its own on one core, the load in another
process on another core, peer after peer, round after round.
`,
		use: `  go run ./bench echo -conns 1000 -size 64 -duration 5s
  go run ./bench echo -conns 1,100,1000,10000 -rounds 5 -json echo.json
  go run ./bench echo -conns 1000 -rate 50000
  go run ./bench echo -conns 10000 -rate 50%
  go run ./bench echo -conns 1000 -work sleep:1ms -peers net,weir-pool
  go run ./bench echo -peers weir-inline -cpuprofile cpu.prof
`,
		unit:     "msg",
		peers:    echoPeers,
		bases:    []base{baseOf("floor"), baseOf("net")},
		maxSize:  16 << 20,
		stream:   true,
		script:   newEchoScript,
		defaults: options{conns: intList{100}, sizes: intList{64}, pipelines: intList{1}},
	}
}
