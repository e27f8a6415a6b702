package reactor

import "math/bits"

// The hierarchical timing wheel of Varghese and Lauck, "Hashed and Hierarchical
// Timing Wheels" (1987), scheme 7. Level l has 256 buckets, each 256^l ticks
// wide. A timer hangs in the level that its distance selects and moves down a
// level when the time of its bucket comes, so it is touched at most four times
// in its life. The links are in the slots: the wheel allocates nothing.
const (
	wheelBits   = 8
	wheelSize   = 1 << wheelBits
	wheelLevels = 4
	wheelMask   = wheelSize - 1

	bucketFlag = 1 << 31 // in slot.prev: the rest is a bucket number

	// maxTicks bounds the distance of a timer from now, so that differences of
	// ticks, also those of a wheel that is late, can be taken as signed
	// numbers. At one tick a millisecond: 12 days.
	maxTicks = 1<<30 - 1
)

type wheel struct {
	slots *slotTable
	cur   uint32 // the tick up to which timers have fired
	next  uint32 // no bucket is due before this tick; valid if armed > 0
	armed int

	heads [wheelLevels * wheelSize]uint32 // slot index plus one
	occup [wheelLevels][wheelSize / 64]uint64
}

// set arms the timer of slot i to fire at tick when, or moves it there. A tick
// that has passed fires with the next one.
func (w *wheel) set(i uint32, when uint32) {
	s := w.slots.at(i)
	if s.prev != 0 {
		w.unlink(s)
	} else {
		w.armed++
	}
	if d := int32(when - w.cur); d < 1 {
		when = w.cur + 1
	}
	s.when = when
	due := w.insert(i, s)
	if w.armed == 1 || int32(due-w.next) < 0 {
		w.next = due
	}
}

// clear disarms the timer of slot i.
func (w *wheel) clear(i uint32) {
	if s := w.slots.at(i); s.prev != 0 {
		w.unlink(s)
		w.armed--
	}
}

// insert links s into the bucket that its distance selects, and returns the
// tick at which that bucket has to be looked at.
func (w *wheel) insert(i uint32, s *slot) (due uint32) {
	level := uint32(0)
	if d := s.when - w.cur; d >= wheelSize {
		level = uint32(bits.Len32(d)-1) / wheelBits
	}
	shift := level * wheelBits
	b := level<<wheelBits | s.when>>shift&wheelMask
	head := w.heads[b]
	s.next, s.prev = head, bucketFlag|b
	if head != 0 {
		w.slots.at(head - 1).prev = i + 1
	}
	w.heads[b] = i + 1
	w.occup[level][b&wheelMask/64] |= 1 << (b & 63)
	return s.when >> shift << shift
}

func (w *wheel) unlink(s *slot) {
	if s.next != 0 {
		w.slots.at(s.next - 1).prev = s.prev
	}
	if s.prev&bucketFlag != 0 {
		b := s.prev &^ bucketFlag
		w.heads[b] = s.next
		if s.next == 0 {
			w.occup[b>>wheelBits][b&wheelMask/64] &^= 1 << (b & 63)
		}
	} else {
		w.slots.at(s.prev - 1).next = s.next
	}
	s.next, s.prev = 0, 0
}

// ticksLeft returns the distance from tick now to the next tick at which the
// wheel has to be advanced, 0 if it is due, and false if no timer is armed.
func (w *wheel) ticksLeft(now uint32) (uint32, bool) {
	if w.armed == 0 {
		return 0, false
	}
	if d := int32(w.next - now); d > 0 {
		return uint32(d), true
	}
	return 0, true
}

// advance turns the wheel towards tick now, as far as nothing is due, which
// need not be walked, and reports whether something is. A wheel that stood
// still while it was empty would take the time of the next timer for the past.
func (w *wheel) advance(now uint32) (due bool) {
	if w.armed == 0 || int32(w.next-now) > 0 {
		w.cur = now
		return false
	}
	if int32(w.next-w.cur) > 1 {
		w.cur = w.next - 1
	}
	return true
}

// pop advances the wheel to tick now and returns the slot of one timer that is
// due, disarmed, or false when there is none left.
func (w *wheel) pop(now uint32) (uint32, bool) {
	for {
		if !w.advance(now) {
			return 0, false
		}
		if w.cur != w.next {
			w.cur = w.next
			w.cascade()
		}
		if i := w.heads[w.cur&wheelMask]; i != 0 && w.slots.at(i-1).when == w.cur {
			w.unlink(w.slots.at(i - 1))
			w.armed--
			return i - 1, true
		}
		w.next = w.search()
	}
}

// cascade moves the timers of the higher buckets that begin at cur down.
func (w *wheel) cascade() {
	for level := uint32(wheelLevels - 1); level > 0; level-- {
		shift := level * wheelBits
		if w.cur&(1<<shift-1) != 0 {
			continue
		}
		b := level<<wheelBits | w.cur>>shift&wheelMask
		for w.heads[b] != 0 {
			i := w.heads[b] - 1
			s := w.slots.at(i)
			w.unlink(s)
			w.insert(i, s)
		}
	}
}

// search returns the first tick after cur at which a bucket is due.
func (w *wheel) search() uint32 {
	best, found := uint32(0), false
	for level := uint32(0); level < wheelLevels; level++ {
		shift := level * wheelBits
		at := w.cur >> shift
		if k, ok := w.nextBucket(level, at&wheelMask); ok {
			due := (at + k) << shift
			if !found || int32(due-best) < 0 {
				best, found = due, true
			}
		}
	}
	return best
}

// nextBucket returns the distance, 1 to 256, from bucket at to the next
// occupied bucket of a level, going round.
func (w *wheel) nextBucket(level, at uint32) (uint32, bool) {
	const words = wheelSize / 64
	from := at + 1
	for n := uint32(0); n <= words; n++ {
		i := (from/64 + n) % words
		word := w.occup[level][i]
		if n == 0 {
			word &= ^uint64(0) << (from & 63) // the rest of it comes last
		}
		if word != 0 {
			b := i*64 + uint32(bits.TrailingZeros64(word))
			return (b-from)&wheelMask + 1, true
		}
	}
	return 0, false
}
