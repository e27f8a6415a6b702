package browser

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/weir-go/weir/examples/internal/clitest"
)

// inGroup has a browser run in a process group of its own, and die with the test.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// endGroup waits until the last process of a browser's group is gone. Its main
// process has ended already, and those that are left are not waited for: without it
// they have nothing to do.
func endGroup(t testing.TB, group int) {
	clitest.Eventually(t, "the browser's processes have ended", func() bool {
		return syscall.Kill(-group, syscall.SIGKILL) == syscall.ESRCH
	})
}
