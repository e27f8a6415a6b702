//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A tuning is what -tune has set, and the guard that puts it back.
type tuning struct {
	Changes []string // "fs.file-max 2466177 -> 4200000"

	root    string
	changes []change
	guard   *exec.Cmd // nil: nothing to put back
	stdin   io.Closer
	ended   <-chan error
}

// guardPatience is how long the guard may take to start and set, or to put back
// and end. It takes milliseconds, and longer only on a machine that is drowning.
const guardPatience = 30 * time.Second

// tune sets what would help the plan. Afterwards assess finds another machine,
// and may need fewer processes. Whoever calls it must see to restore, though the
// guard puts everything back in any case when this process ends.
func tune(ctx context.Context, n *needs, stderr io.Writer) (*tuning, error) {
	return tuneUnder(ctx, sysctlRoot, n.tunables(), stderr)
}

func tuneUnder(ctx context.Context, root string, settings []sysctl, stderr io.Writer) (*tuning, error) {
	t := &tuning{root: root}
	if len(settings) == 0 {
		return t, nil
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// Neither ctx nor a signal to the process group may end it: it is in a session
	// of its own, and ends when its standard input does.
	cmd := exec.Command(exe, "guard", "-root", root)
	cmd.Stderr = stderr
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard of -tune: %w", err)
	}
	replies, ended := make(chan guardReply, 1), make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			var r guardReply
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				r.Error = fmt.Sprintf("not a reply: %q", lines.Text())
			}
			replies <- r
		}
		close(replies)
		ended <- cmd.Wait()
	}()
	t.guard, t.stdin, t.ended = cmd, stdin, ended

	r, err := ask(ctx, stdin, replies, guardRequest{settings})
	if err != nil {
		err = errors.Join(fmt.Errorf("-tune: %w", err), t.restore())
		if os.Geteuid() != 0 {
			err = fmt.Errorf("%w (it needs root)", err)
		}
		return nil, err
	}
	t.changes = r.Changes
	for _, c := range r.Changes {
		t.Changes = append(t.Changes, c.String())
	}
	return t, nil
}

func ask(ctx context.Context, guard io.Writer, replies <-chan guardReply, req guardRequest) (guardReply, error) {
	line, err := json.Marshal(req)
	if err != nil {
		return guardReply{}, err
	}
	if _, err := guard.Write(append(line, '\n')); err != nil {
		return guardReply{}, err
	}
	timer := time.NewTimer(guardPatience)
	defer timer.Stop()
	select {
	case r, ok := <-replies:
		switch {
		case !ok:
			return r, errors.New("the guard ended too early")
		case r.Error != "":
			return r, errors.New(r.Error)
		}
		return r, nil
	case <-timer.C:
		return guardReply{}, fmt.Errorf("the guard has not answered for %v", guardPatience)
	case <-ctx.Done():
		return guardReply{}, context.Cause(ctx)
	}
}

// restore puts back what tune has set and waits for that. Calling it again, or on
// nil, does nothing.
func (t *tuning) restore() error {
	if t == nil || t.guard == nil {
		return nil
	}
	defer func() { t.guard = nil }()
	t.stdin.Close()
	timer := time.NewTimer(guardPatience)
	defer timer.Stop()
	var err error
	select {
	case err = <-t.ended:
	case <-timer.C:
		err = fmt.Errorf("the guard has not ended for %v", guardPatience)
		t.guard.Process.Kill()
		<-t.ended
	}
	// It has said on standard error what it could not do. Should it have been
	// killed, its work is done here; otherwise there is none left.
	if undone := undo(t.root, t.changes); undone != nil {
		return undone
	}
	if err != nil && len(t.changes) == 0 {
		return fmt.Errorf("the guard: %w", err)
	}
	return nil
}
