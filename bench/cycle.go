//go:build unix

package main

// maxTransfer bounds one read and one write.
const maxTransfer = 256 << 10

// A cycle is a byte stream without end that repeats itself. Any part of it is a
// slice of one table: nothing is generated while messages fly, and comparing is
// one call of bytes.Equal.
type cycle struct {
	table  []byte
	period int64
}

// newCycle repeats once for ever. transfer is the most that is asked for at a
// time; 0 is maxTransfer.
func newCycle(once []byte, transfer int) cycle {
	if transfer == 0 {
		transfer = maxTransfer
	}
	table := make([]byte, len(once)+transfer)
	for n := copy(table, once); n < len(table); n *= 2 {
		copy(table[n:], table[:n])
	}
	return cycle{table: table, period: int64(len(once))}
}

// at returns n bytes, no more than a transfer, from position pos of the stream.
func (c cycle) at(pos int64, n int) []byte { return c.table[pos%c.period:][:n] }
