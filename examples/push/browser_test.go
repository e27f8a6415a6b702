package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/weir-go/weir/examples/internal/browser"
	"github.com/weir-go/weir/examples/internal/clitest"
	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// connected is whether a page says that it is.
const connected = `document.getElementById("state").dataset.state === "connected"`

// openConsole opens the page, connected.
func openConsole(b *browser.Browser, addr string) {
	b.Open("http://" + addr + "/")
	b.Await(connected)
}

// subscribeTo has the page subscribe, with QoS 1.
func subscribeTo(b *browser.Browser, filter string) {
	b.Type("#filter", filter)
	b.Click("#subscribe")
	b.Await(fmt.Sprintf(`document.querySelector("#subscriptions li[data-filter='%s']:not(.waiting)") !== null`, filter))
}

// publishTo has the page publish, with QoS 1.
func publishTo(b *browser.Browser, topic, text string) {
	b.Eval(`document.getElementById("topic").value = document.getElementById("data").value = ""`)
	b.Type("#topic", topic)
	b.Type("#data", text)
	b.Click("#publish")
}

// shows waits until a page shows a number of messages, and returns them with their
// offsets. What is no message, such as that some are missing, counts too.
func shows(b *browser.Browser, n int) []string {
	b.Await(fmt.Sprintf(`document.querySelectorAll("#messages li:not(.note)").length >= %d`, n))
	return strings.Split(b.Eval(`Array.from(document.querySelectorAll("#messages li:not(.note)"),
		li => li.dataset.offset + " " + (li.querySelector(".body") ?? li).textContent).join("\n")`), "\n")
}

// received is what a client has got.
type received struct {
	mu   sync.Mutex
	list []string
}

func (r *received) add(m client.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, fmt.Sprintf("%d %s", m.Offset, m.Data))
}

func (r *received) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

// Two tabs and a Go client talk to each other. Then the server is killed, a message is
// published while the tabs cannot reach it, and what everybody has got in the end is
// everything, once.
func TestBrowser(t *testing.T) {
	args := []string{"-tcp", "127.0.0.1:0", "-data", t.TempDir(), "-addr"}
	p := clitest.Exec(t, append(args, "127.0.0.1:0")...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the program says:\n%s", p.Stderr)
		}
	})
	door := openDoor(t, p.Addr)
	a := browser.Start(t)
	b := a.Tab()
	for _, tab := range []*browser.Browser{a, b} {
		openConsole(tab, door.Addr())
		subscribeTo(tab, "chat/#")
	}

	// The module by itself, in the other encoding.
	const binary = `import("/push.js").then(async ({Push}) => {
		const push = new Push("/ws", {encoding: "binary"});
		const message = Promise.withResolvers();
		await push.subscribe("bytes", {qos: 1}, message.resolve).ready;
		const {offset} = await push.publish("bytes", Uint8Array.of(0, 255, 128), {qos: 1});
		const {data} = await message.promise;
		const {count} = await push.presence("bytes");
		push.close();
		return [offset, data.constructor.name, data, count].join(" ");
	})`
	if got, want := a.Eval(binary), "1 Uint8Array 0,255,128 1"; got != want {
		t.Errorf("in binary: %s, want %s", got, want)
	}

	ctx, cancel := context.WithTimeout(t.Context(), clitest.Patience)
	defer cancel()
	c, err := client.Dial(ctx, client.Config{URL: "ws://" + p.Addr + "/ws"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), clitest.Patience)
		defer cancel()
		c.Close(ctx)
	})
	var got received
	s, err := c.Subscribe("chat/room", client.SubOptions{QoS: protocol.AtLeastOnce}, got.add)
	if err == nil {
		err = s.Ready(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.Await(`document.getElementById("sessions").textContent === "3"`)

	want := []string{"1 from the first tab", "2 Grüße from the second", "3 <b>from Go</b>"}
	publishTo(a, "chat/room", "from the first tab")
	shows(b, 1)
	publishTo(b, "chat/room", "Grüße from the second")
	shows(a, 2)
	if _, err := c.Publish(ctx, "chat/room", []byte("<b>from Go</b>"), client.PubOptions{QoS: protocol.AtLeastOnce}); err != nil {
		t.Fatal(err)
	}
	for i, tab := range []*browser.Browser{a, b} {
		if got := shows(tab, 3); !slices.Equal(got, want) {
			t.Errorf("tab %d shows %q", i, got)
		}
	}

	door.shut()
	p.Signal(syscall.SIGKILL)
	p.Wait()
	for _, tab := range []*browser.Browser{a, b} {
		tab.Await("!(" + connected + ")")
	}
	p = clitest.Exec(t, append(args, p.Addr)...)
	post(t, "http://"+p.Addr+"/api/publish", `{"topic":"chat/room","data":"while they were away","qos":1}`)
	publishTo(a, "chat/room", "that had to wait")
	a.Await(`document.getElementById("publish-result").textContent === "It waits for the connection."`)
	door.open()
	want = append(want, "4 while they were away", "5 that had to wait")
	shows(b, 5)
	publishTo(b, "chat/room", "the last")
	want = append(want, "6 the last")
	for i, tab := range []*browser.Browser{a, b} {
		if got := shows(tab, 6); !slices.Equal(got, want) {
			t.Errorf("in the end tab %d shows %q", i, got)
		}
	}
	clitest.Eventually(t, "the Go client has got all", func() bool { return len(got.all()) >= len(want) })
	if got := got.all(); !slices.Equal(got, want) {
		t.Errorf("in the end the Go client has got %q", got)
	}
}

// Where tokens are needed the page asks for one, and goes on with it.
func TestBrowserToken(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("s", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	var token, stderr bytes.Buffer
	if code := run(t.Context(), []string{"token", "-secret-file", secret, "-user", "ann", "-subscribe", "chat/#", "-publish", "chat/#"}, &token, &stderr); code != 0 {
		t.Fatalf("no token: %s", &stderr)
	}
	p := clitest.Start(t, run, "-addr", "127.0.0.1:0", "-tcp", "127.0.0.1:0", "-secret-file", secret)
	b := browser.Start(t)
	b.Open("http://" + p.Addr + "/")
	b.Await(`document.getElementById("state").dataset.state === "refused"`)
	if got := b.Text("#state"); got != "not allowed" {
		t.Errorf("the page says %q", got)
	}
	b.Type("#token", strings.TrimSpace(token.String()))
	b.Click("#token-use")
	b.Await(connected)
	// Of the figures it tells that they are not for ann.
	b.Await(`document.getElementById("figures-none").textContent.includes("$weir/stats")`)
	subscribeTo(b, "chat/room")
	publishTo(b, "chat/room", "hello")
	if got := shows(b, 1); !slices.Equal(got, []string{"1 hello"}) {
		t.Errorf("the page shows %q", got)
	}
	// What the tab keeps lets it go on where it was, also when the page is loaded anew.
	b.Open("http://" + p.Addr + "/")
	b.Await(connected)
	publishTo(b, "chat/room", "again")
	if got := shows(b, 1); !slices.Equal(got, []string{"2 again"}) {
		t.Errorf("loaded anew the page shows %q", got)
	}
}

func post(t *testing.T, url, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clitest.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, answer.Status)
	}
}
