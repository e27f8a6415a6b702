// Package browser runs a headless Chromium in tests.
package browser

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// patience bounds all that a test does with its browser. A cold start alone can take
// several seconds on a busy machine.
const patience = 2 * clitest.Patience

// Browser is a tab of one that runs, with its page.
type Browser struct {
	t   testing.TB
	ctx context.Context
}

// attempts is how often a browser is started until it runs. On a busy machine it now and
// then ends at once, as its zygote could not fork.
const attempts = 3

// Start starts a browser with a fresh profile. When the test ends, nothing is left
// of either. If no Chromium is installed the test is skipped, see clitest.Lacking.
func Start(t testing.TB) *Browser {
	t.Helper()
	path := clitest.Tool(t, "chromium", "chromium", "chromium-browser", "google-chrome")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	for attempt := 1; ; attempt++ {
		output := clitest.NewOutput()
		tab := prepare(ctx, t, path, output)
		err := chromedp.Do(tab)
		if err == nil {
			return &Browser{t, tab}
		}
		if attempt == attempts {
			t.Fatalf("%s does not start: %v\n%s", path, err, output)
		}
		t.Logf("%s does not start, once more: %v", path, err)
	}
}

// prepare returns the context of a browser's tab. The browser is started by the first
// use of it.
func prepare(ctx context.Context, t testing.TB, path string, output *clitest.Output) context.Context {
	t.Helper()
	var command *exec.Cmd
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.CombinedOutput(output),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			inGroup(cmd)
			command = cmd
		}),
		// The pages are the examples' own, and root has no sandbox.
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		// Nothing is to be fetched but those pages.
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("no-proxy-server", true),
	)
	ctx, cancelAndWait := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(func() {
		cancelAndWait()
		if command != nil && command.Process != nil {
			endGroup(t, command.Process.Pid)
		}
	})
	ctx, _ = chromedp.NewContext(ctx, chromedp.WithErrorf(t.Logf)) // cancelled by the one around it
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		// If it does not close for that, the allocator kills it.
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("closing the browser: %v", err)
		}
	})
	return ctx
}

// Tab opens another tab of the same browser, which ends with it.
func (b *Browser) Tab() *Browser {
	b.t.Helper()
	ctx, _ := chromedp.NewContext(b.ctx) // cancelled by the one around it
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("a second tab: %v", err)
	}
	return &Browser{b.t, ctx}
}

// Open loads a page.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// Type types text into the element that a CSS selector names.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Click clicks on the element that a CSS selector names, when it is enabled.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitEnabled(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

// Text returns the text that is to be seen of the element that a CSS selector names.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS(selector)))
	b.check(err)
	return text
}

// Eval evaluates an expression that is a string, or a promise of one.
func (b *Browser) Eval(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf("(async () => String(await (%s)))()", expression), chromedp.EvalAwaitPromise))
	b.check(err)
	return text
}

// Await waits until an expression is true.
func (b *Browser) Await(expression string) {
	b.t.Helper()
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Poll[bool](expression, chromedp.WithPollingInterval(10*time.Millisecond))(ctx, t)
		if err != nil {
			err = fmt.Errorf("waiting for %s: %w", expression, err)
		}
		return chromedp.Void{}, err
	})
}

func (b *Browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.check(chromedp.Do(b.ctx, steps...))
}

// check fails the test, and tells what the page shows.
func (b *Browser) check(err error) {
	b.t.Helper()
	if err == nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	page, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body?.innerText ?? "nothing"`))
	b.t.Fatalf("%v; the page shows:\n%s", err, page)
}
