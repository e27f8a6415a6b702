package main

import (
	"strings"
	"testing"

	"github.com/weir-go/weir/examples/internal/browser"
)

// A browser shows the page and its clock, sends a note and gets it back, and has
// what it knows already confirmed rather than sent again.
func TestBrowser(t *testing.T) {
	_, url := start(t)
	b := browser.Start(t)
	b.Open(url + "/")
	b.Await(`Number(document.getElementById("ticks").textContent) >= 10`)
	if got := b.Text("#watching"); got != "1" {
		t.Errorf("%s are watching", got)
	}

	b.Type("#text", "from the browser")
	b.Click("#form button")
	b.Await(`document.querySelectorAll("#notes li").length === 1`)
	if got := b.Text("#notes li"); got != "from the browser" {
		t.Errorf("the note is %q", got)
	}

	const get = `fetch("page.js", {cache: "no-store"}).then(async r => r.headers.get("Content-Encoding") + " " + (await r.text()).length)`
	script, err := static.ReadFile("static/page.js")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Eval(get), "gzip "+b.Eval("`"+strings.NewReplacer("`", "\\`", "$", "\\$", `\`, `\\`).Replace(string(script))+"`.length"); got != want {
		t.Errorf("page.js came with %s, want %s", got, want)
	}

	// "no-cache" has the browser ask, with the ETag; what it answers the page with
	// tells how much was transferred.
	const again = `(async () => {
		const url = new URL("page.js", location).href;
		performance.clearResourceTimings();
		await (await fetch(url, {cache: "no-cache"})).text();
		const timing = performance.getEntriesByName(url).at(-1);
		return timing.responseStatus + " " + (timing.transferSize < timing.encodedBodySize);
	})()`
	if got := b.Eval(again); got != "200 true" && got != "304 true" {
		t.Errorf("page.js again: %s", got)
	}
}
