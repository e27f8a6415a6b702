//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// The guard is a process of its own that sets sysctls and puts them back. The
// benchmark cannot promise that itself, for it may be killed. The guard is told
// what to set by a line of JSON on its standard input, and answers with one; when
// its input ends, for whatever reason, it puts back what it has found, and ends.
// It keeps the values in memory and writes no file but the sysctls.

type guardRequest struct {
	Set []sysctl `json:"set"`
}

type guardReply struct {
	Error   string   `json:"error,omitempty"`
	Changes []change `json:"changes,omitempty"`
}

// A change is a sysctl that has been set.
type change struct {
	Name string `json:"name"`
	Was  string `json:"was"`
	Is   string `json:"is"`
}

func (c change) String() string { return fmt.Sprintf("%s %s -> %s", c.Name, c.Was, c.Is) }

func guardCommand(_ context.Context, args []string, stdout, stderr io.Writer) error {
	// What ends the benchmark must not end the guard before its work is done. A
	// write to a standard error that nobody reads any more is no reason either.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)

	fs := flag.NewFlagSet("guard", flag.ContinueOnError)
	root := fs.String("root", sysctlRoot, "`directory` of the sysctls")
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	return guard(*root, os.Stdin, stdout)
}

// guard answers requests until there are no more, and puts everything back.
func guard(root string, requests io.Reader, replies io.Writer) error {
	var all []change
	out := json.NewEncoder(replies)
	for lines := bufio.NewScanner(requests); lines.Scan(); {
		var req guardRequest
		if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
			return errors.Join(fmt.Errorf("not JSON: %w", err), undo(root, all))
		}
		done, err := setAll(root, req.Set)
		r := guardReply{Changes: done}
		if err != nil {
			r.Error = err.Error()
		}
		all = append(all, done...)
		// A parent that does not listen is gone, and the end of the requests is near.
		_ = out.Encode(r)
	}
	return undo(root, all)
}

// setAll sets all of them, or none if one cannot be set.
func setAll(root string, settings []sysctl) (done []change, err error) {
	for _, s := range settings {
		c := change{Name: s.Name}
		if c.Was, err = readSysctl(root, s.Name); err == nil {
			err = writeSysctl(root, s.Name, s.Value)
		}
		if err == nil {
			done = append(done, c)
			// The kernel may make something else of the value than what was asked for.
			done[len(done)-1].Is, err = readSysctl(root, s.Name)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("set sysctl %s to %s: %w", s.Name, s.Value, err), undo(root, done))
		}
	}
	return done, nil
}

// undo puts back what has been changed, the last first. What somebody else has
// changed since then is left alone.
func undo(root string, changes []change) error {
	var errs []error
	for _, c := range slices.Backward(changes) {
		is, err := readSysctl(root, c.Name)
		switch {
		case err == nil && is == c.Was:
			// It is back already, or was set to what it had been.
		case err == nil && c.Is != "" && is != c.Is:
			errs = append(errs, fmt.Errorf("sysctl %s is %s, which somebody else has set, and is left so; it was %s", c.Name, is, c.Was))
		default:
			if err := writeSysctl(root, c.Name, c.Was); err != nil {
				errs = append(errs, fmt.Errorf("put back sysctl %s to %s: %w", c.Name, c.Was, err))
			}
		}
	}
	return errors.Join(errs...)
}

// sysctlRoot is where Linux has its sysctls as files.
const sysctlRoot = "/proc/sys"

// sysctlPath has slashes where the name has dots.
func sysctlPath(root, name string) string {
	return root + "/" + strings.ReplaceAll(name, ".", "/")
}

// readSysctl returns a value with single spaces, whatever the kernel puts between.
func readSysctl(root, name string) (string, error) {
	text, err := os.ReadFile(sysctlPath(root, name))
	if err != nil {
		return "", err
	}
	return strings.Join(strings.Fields(string(text)), " "), nil
}

// writeSysctl writes in one go, as the kernel wants it, and creates no file.
func writeSysctl(root, name, value string) error {
	f, err := os.OpenFile(sysctlPath(root, name), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value + "\n")
	return errors.Join(err, f.Close())
}
