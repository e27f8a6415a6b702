//go:build unix && !linux

package main

func rssAnon() (int64, error) { return 0, nil }
