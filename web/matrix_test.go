package web_test

import (
	"os"
	"testing"

	"github.com/weir-go/weir/internal/servertest"
	"github.com/weir-go/weir/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// What most tests use, by short names.

type mode = servertest.Mode

const patience = servertest.Patience

var (
	modes      = servertest.Modes
	eachMode   = servertest.Each
	serve      = servertest.Serve
	serveOn    = servertest.ServeOn
	quiet      = servertest.Quiet
	dial       = servertest.Dial
	eventually = servertest.Eventually
)

func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	return servertest.Receive(t, from, what)
}
