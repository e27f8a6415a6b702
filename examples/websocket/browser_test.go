package main

import (
	"net"
	"regexp"
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/browser"
)

// A browser shows the page, which connects back, sends, and shows the echoes.
func TestBrowser(t *testing.T) {
	for _, test := range []struct {
		args []string
		note string
	}{
		{nil, "no compression"},
		{[]string{"-compress", "takeover", "-dispatch", "inline"}, "permessage-deflate"},
	} {
		t.Run(test.note, func(t *testing.T) {
			p := start(t, test.args...)
			b := browser.Start(t)
			b.Open("http://" + p.Addr + "/")
			b.Await(`document.getElementById("state").textContent === "open"`)
			if note := b.Text(".note"); !strings.Contains(note, "ws://"+p.Addr+"/, "+test.note) {
				t.Errorf("the page says %q", note)
			}

			for i, message := range []string{"hello", "Grüße, 世界", strings.Repeat("again and again ", 100)} {
				b.Type("#text", message)
				b.Click([]string{"#send", "#binary"}[i%2])
			}
			b.Await(`document.querySelectorAll(".echo").length === 3`)
			b.Eval(`$("text").value = "x".repeat(1 << 20)`)
			b.Click("#send")
			b.Await(`document.querySelectorAll(".echo").length === 4`)
			const want = "hello|binary, 15 bytes: Grüße, 世界|again and again again and again"
			got := b.Eval(`Array.from(document.querySelectorAll(".echo"), e => e.textContent).join("|")`)
			if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "… (1048576 characters)") {
				t.Errorf("the echoes are %q", got)
			}

			b.Click("#close")
			b.Await(`document.getElementById("state").textContent === "closed"`)
			if note := b.Text(".note:last-child"); note != "closed with 1000: done" {
				t.Errorf("the page says %q", note)
			}
		})
	}
}

// The browser tells the origin of a page, and pages of others are refused: here the
// same server by another name.
func TestBrowserOrigin(t *testing.T) {
	p := start(t)
	_, port, _ := net.SplitHostPort(p.Addr)
	b := browser.Start(t)
	b.Open("http://localhost:" + port + "/")
	b.Await(`document.getElementById("state").textContent === "open"`)
	const try = `new Promise(done => {
		const ws = new WebSocket("ws://127.0.0.1:" + location.port + "/");
		ws.onopen = () => done("open");
		ws.onclose = e => done("closed with " + e.code);
	})`
	if got := b.Eval(try); got != "closed with 1006" {
		t.Errorf("the WebSocket of another origin: %s", got)
	}
	p.Stop()
	b.Await(`document.getElementById("state").textContent === "closed"`)
	if note := b.Text(".note:last-child"); !strings.HasPrefix(note, "closed with 1001") {
		t.Errorf("when the server ends, the page says %q", note)
	}
	p.Stdout.Await(t, regexp.MustCompile(`^websocket: served .*; 1 sockets, .*refused: origin 1`), nil)
	if code := p.Wait(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr)
	}
}
