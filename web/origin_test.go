package web

import "testing"

func TestSameOrigin(t *testing.T) {
	for _, test := range []struct {
		origin, host string
		want         bool
	}{
		{"", "example.com", true},
		{"http://example.com", "example.com", true},
		{"https://example.com", "example.com", true},
		{"https://EXAMPLE.com", "example.COM", true},
		{"https://example.com:8443", "example.com:8443", true},
		{"https://example.com", "example.com:443", true},
		{"https://example.com:443", "example.com", true},
		{"http://example.com:80", "example.com", true},
		{"http://example.com", "example.com:80", true},
		{"HTTP://example.com", "example.com", true},
		{"http://[::1]", "[::1]", true},
		{"http://[::1]", "[::1]:80", true},
		{"http://[::1]:8080", "[::1]:8080", true},
		{"http://127.0.0.1:8080", "127.0.0.1:8080", true},

		{"https://example.com", "example.com:80", false},
		{"http://example.com", "example.com:443", false},
		{"http://example.com", "example.com:8080", false},
		{"http://example.com:8080", "example.com", false},
		{"http://example.com:8080", "example.com:8081", false},
		{"http://evil.com", "example.com", false},
		{"http://example.com.evil.com", "example.com", false},
		{"http://evilexample.com", "example.com", false},
		{"http://sub.example.com", "example.com", false},
		{"http://[::1]", "[::2]", false},
		{"http://::80", "::", false},
		{"null", "null", false},
		{"file://", "", false},
		{"http://", "", false},
		{"example.com", "example.com", false},
		{"ftp://example.com", "example.com", false},
		{"http://example.com/", "example.com/", false},
		{"http://example.com@evil.com", "evil.com", false},
		{"http://evil.com, http://example.com", "example.com", false},
		{"http://evil.com http://example.com", "example.com", false},
		{"http://example.com", "", false},
	} {
		if got := sameOrigin(test.origin, test.host); got != test.want {
			t.Errorf("sameOrigin(%q, %q) = %v", test.origin, test.host, got)
		}
	}
}
