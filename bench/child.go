//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// A child is a server or a load: this executable again, with a hidden
// subcommand. It ends when its standard input does, so it cannot outlive the
// parent, however that comes to its end.
type child struct {
	name    string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	replies chan reply    // closed when the child's standard output ends
	done    chan struct{} // closed when the child is gone
	err     error         // how it ended; valid after done
}

// startPatience is how long a child may take to start. It takes some
// milliseconds; on a machine that is drowning, and with a hundred others that
// start too, longer.
const startPatience = time.Minute

// startChild starts a child on the given cores (any, if there are none) and
// waits for its first reply. Cancelling ctx kills it.
func startChild(ctx context.Context, name string, cpus []int, stderr io.Writer, args ...string) (*child, reply, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, reply{}, err
	}
	c := &child{
		name:    name,
		cmd:     exec.CommandContext(ctx, exe, args...),
		replies: make(chan reply, 1),
		done:    make(chan struct{}),
	}
	c.cmd.Stderr = stderr
	c.cmd.WaitDelay = time.Second
	endWithParent(c.cmd)
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, reply{}, err
	}
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, reply{}, err
	}
	if err := startPinned(c.cmd, cpus); err != nil {
		return nil, reply{}, fmt.Errorf("start the %s: %w", name, err)
	}
	go c.collect(stdout)

	hello, err := c.await(ctx, startPatience)
	if err != nil {
		c.stop()
		return nil, reply{}, err
	}
	return c, hello, nil
}

// collect reads what the child says until it says no more, then reaps it.
func (c *child) collect(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20) // a histogram is one line
	for lines.Scan() {
		var r reply
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			r.Error = fmt.Sprintf("not a reply: %q", lines.Text())
		}
		c.replies <- r
	}
	c.err = c.cmd.Wait()
	close(c.done)
	close(c.replies)
}

// call sends a request and waits for the reply to it.
func (c *child) call(ctx context.Context, timeout time.Duration, req request) (reply, error) {
	line, err := json.Marshal(req)
	if err != nil {
		return reply{}, err
	}
	if _, err := c.stdin.Write(append(line, '\n')); err != nil {
		// The child is gone; why it went may be waiting to be read.
		if _, cause := c.await(ctx, time.Second); cause != nil {
			err = cause
		}
		return reply{}, err
	}
	return c.await(ctx, timeout)
}

func (c *child) await(ctx context.Context, timeout time.Duration) (reply, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case r, ok := <-c.replies:
		return r, c.failure(r, ok)
	case <-timer.C:
		return reply{}, fmt.Errorf("the %s has not answered for %v", c.name, timeout)
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
}

// failure makes an error of a receive from replies, if it is one.
func (c *child) failure(r reply, ok bool) error {
	switch {
	case !ok:
		return c.death()
	case r.Error != "":
		return fmt.Errorf("%s: %s", c.name, r.Error)
	}
	return nil
}

// death describes the end of a child that was not to end yet.
func (c *child) death() error {
	if c.err == nil {
		return fmt.Errorf("the %s ended too early", c.name)
	}
	return fmt.Errorf("the %s died: %w", c.name, c.err)
}

// stop ends the child and waits until it is gone.
func (c *child) stop() {
	c.stdin.Close()
	timer := time.NewTimer(2 * time.Second)
	defer timer.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-timer.C:
			c.cmd.Process.Kill()
		case <-c.replies: // let collect see the end
		}
	}
}

// hold waits for d while children work on their own, and returns early when one
// of them fails.
func hold(ctx context.Context, d time.Duration, server, load *child) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	unasked := func(c *child, r reply, ok bool) error {
		if err := c.failure(r, ok); err != nil {
			return err
		}
		return fmt.Errorf("the %s has spoken unasked", c.name)
	}
	select {
	case <-timer.C:
		return nil
	case r, ok := <-server.replies:
		return unasked(server, r, ok)
	case r, ok := <-load.replies:
		return unasked(load, r, ok)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
