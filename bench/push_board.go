//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A board is what the load processes of a trial tell each other without a message:
// how far the one that publishes is, and how far all are that receive. It is a piece
// of memory that they share, a file of their parent.
//
// Publications have numbers, from 0 on: topics take turns, so that of a message is
// known from its topic and its sequence there.
type board struct {
	stopped   *atomic.Uint64   // nothing more will be published for now
	published *atomic.Uint64   // number of the next publication
	complete  []*atomic.Uint64 // by load: number of the first publication that not all of its subscribers have
	last      []atomic.Uint64  // by topic: the sequence of the last publication
}

// Words of different writers are a cache line apart.
const boardLine = 8

func boardWords(loads, topics int) int { return (1+loads)*boardLine + topics }

// createBoard makes the file.
func createBoard(dir string, loads, topics int) (file string, err error) {
	f, err := os.CreateTemp(dir, "bench-board-*")
	if err != nil {
		return "", err
	}
	return f.Name(), errors.Join(f.Truncate(int64(8*boardWords(loads, topics))), f.Close())
}

// openBoard maps the file; without one the process has the board for itself.
func openBoard(file string, loads, topics int) (*board, error) {
	n := boardWords(loads, topics)
	words := make([]atomic.Uint64, n)
	if file != "" {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		memory, err := unix.Mmap(int(f.Fd()), 0, 8*n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return nil, fmt.Errorf("map %s: %w", file, err)
		}
		words = unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(unsafe.SliceData(memory))), n)
	}
	b := &board{stopped: &words[0], published: &words[1], last: words[(1+loads)*boardLine:]}
	for i := range loads {
		b.complete = append(b.complete, &words[(1+i)*boardLine])
	}
	return b, nil
}

// underWay returns how many publications not everybody has, counted from the first
// of them on.
func (b *board) underWay() uint64 {
	least := b.published.Load()
	for _, c := range b.complete {
		least = min(least, c.Load())
	}
	return b.published.Load() - least
}

// number is that of a message.
func (b *board) number(topic int, seq uint64) uint64 {
	return (seq-1)*uint64(len(b.last)) + uint64(topic)
}
