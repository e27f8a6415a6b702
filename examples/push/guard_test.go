package main

import "testing"

func TestIsLocal(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost":               true,
		"localhost:8080":          true,
		"LOCALHOST.:8080":         true,
		"app.localhost:8080":      true,
		"127.0.0.1":               true,
		"127.9.9.9:8080":          true,
		"[::1]":                   true,
		"[::1]:8080":              true,
		"::1":                     true,
		"[::ffff:127.0.0.1]:8080": true,
		"":                        false,
		":8080":                   false,
		"evil.example":            false,
		"evil.example:8080":       false,
		"localhost.evil.example":  false,
		"notlocalhost":            false,
		"127.0.0.1.evil.example":  false,
		"10.0.0.1:8080":           false,
		"0.0.0.0:8080":            false,
		"[::]:8080":               false,
	} {
		if got := isLocal(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestCheckExposure(t *testing.T) {
	for addr, open := range map[string]bool{
		"127.0.0.1:0": false, "localhost:0": false, "[::1]:0": false, "": false,
		":0": true, "0.0.0.0:0": true, "[::]:0": true, "192.0.2.1:80": true,
	} {
		if err := checkExposure("addr", addr, false, false); (err != nil) != open {
			t.Errorf("%q: %v", addr, err)
		}
		if checkExposure("addr", addr, true, false) != nil || checkExposure("addr", addr, false, true) != nil {
			t.Errorf("%q is refused with a key, or with -insecure", addr)
		}
	}
}
