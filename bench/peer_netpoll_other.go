//go:build unix && !((linux || darwin) && (amd64 || arm64))

package main

var netpollPeers []peer // netpoll does not build here
