//go:build unix && !linux

package main

func floorPeers() []peer { return nil }
