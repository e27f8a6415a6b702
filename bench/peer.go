//go:build unix

package main

import (
	"fmt"
	"slices"
	"strings"
)

// A peer is one way to write the server under test.
type peer struct {
	name  string
	about string

	// start makes the server listen where the stage says, and returns its address
	// while the server goes on in the background until the process ends. It is
	// called once per process.
	start func(s *stage) (addr string, err error)
}

// findPeers resolves a comma-separated list of names. A name may come twice: a
// peer compared with itself shows how much of a difference is noise.
func findPeers(all []peer, list string) ([]peer, error) {
	var found []peer
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(p peer) bool { return p.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("unknown peer %q; the peers are %s", name, peerNames(all))
		}
		found = append(found, all[i])
	}
	return found, nil
}

func peerNames(peers []peer) string {
	names := make([]string, len(peers))
	for i, p := range peers {
		names[i] = p.name
	}
	return strings.Join(names, ",")
}
