package msglog

import (
	"bytes"
	"container/list"
	"sync"
)

// cursors is a bounded map: what was stored the longest ago is forgotten first.
type cursors struct {
	max int

	mu    sync.Mutex
	keys  map[string]*list.Element
	order list.List // of *cursor
}

type cursor struct {
	key   string
	value []byte
}

func (c *cursors) save(values map[string][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[string]*list.Element)
	}
	for k, v := range values {
		e := c.keys[k]
		switch {
		case v == nil && e != nil:
			c.order.Remove(e)
			delete(c.keys, k)
		case v == nil:
		case e != nil:
			e.Value.(*cursor).value = bytes.Clone(v)
			c.order.MoveToBack(e)
		default:
			if c.order.Len() >= c.max {
				oldest := c.order.Remove(c.order.Front()).(*cursor)
				delete(c.keys, oldest.key)
			}
			c.keys[k] = c.order.PushBack(&cursor{k, bytes.Clone(v)})
		}
	}
}

// load returns a value, which must not be changed.
func (c *cursors) load(key string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.keys[key]; e != nil {
		return e.Value.(*cursor).value
	}
	return nil
}
