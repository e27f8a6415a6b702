//go:build unix

package main

import "testing"

func TestHTTP(t *testing.T) {
	testPeers(t, "http", httpPeers,
		"-conns 4 -pipeline 1 -request browser",
		"-conns 3 -pipeline 16",
		"-conns 4 -pipeline 2 -rate 2000",
	)
}
