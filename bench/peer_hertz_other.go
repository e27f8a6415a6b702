//go:build unix && !(linux || darwin || freebsd || openbsd || netbsd)

package main

var hertzPeers []peer // netpoll does not build here
