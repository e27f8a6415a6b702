package weir

// HasExtension reports whether a connection has memory beyond the struct.
func HasExtension(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ext != nil
}
