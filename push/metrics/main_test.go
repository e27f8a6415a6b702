package metrics_test

import (
	"os"
	"testing"

	"github.com/weir-go/weir/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }
