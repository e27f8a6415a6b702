package msglog

// Resident reports whether Read of a topic behind an offset would be served from memory,
// or, without a name, Scan behind a position: so that those who want to spare the disk
// can tell.
func (c *Cached) Resident(name string, after uint64) bool {
	if name == "" {
		last := c.back.All().Last
		c.mu.RLock()
		defer c.mu.RUnlock()
		return !c.closed && after >= c.recentFrom && c.recentUntil >= last
	}
	extent := c.back.Topic(name)
	c.mu.RLock()
	defer c.mu.RUnlock()
	e := c.topics[name]
	return !c.closed && e != nil && e.epoch == extent.Epoch && e.last >= extent.Last && max(after, max(extent.First, 1)-1) >= e.trimmed
}
