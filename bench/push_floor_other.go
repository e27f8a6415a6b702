//go:build unix && !linux

package main

func pushFloorPeers() []peer { return nil }
