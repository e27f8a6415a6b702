//go:build unix

package main

// needs tells what a number of connections asks of the machine, and what it has.
type needs struct {
	Limits []limit `json:"limits"`
}

// A limit is one thing that there is only so much of.
type limit struct {
	Name     string `json:"name"`
	Have     int64  `json:"have"`
	Need     int64  `json:"need"`
	Possible int    `json:"possible"` // connections that it allows
	Advice   string `json:"advice,omitempty"`
	Hard     bool   `json:"hard"` // nothing can be done without; otherwise a guess
}
