package weir

// HasExtension reports whether a connection has memory beyond the struct.
func HasExtension(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ext != nil
}

// TurnsDue tells whether a turn of a connection is under way or due: its flags for
// that.
func TurnsDue(c *Conn) uint32 { return c.flags.Load() & (flagTurn | eventMask) }
