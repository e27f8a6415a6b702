package reactor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// wheelModel is a timing wheel and, beside it, what it should be: a map of the
// armed timers. Every operation is done on both and compared. Ticks of the map
// have 64 bits, so they do not wrap around as those of the wheel do.
type wheelModel struct {
	t     testing.TB
	table slotTable
	wheel wheel
	now   uint64
	armed map[uint32]uint64
}

// newWheelModel returns a model of n slots that begins at a tick.
func newWheelModel(t testing.TB, begin uint64, n int) *wheelModel {
	m := &wheelModel{t: t, now: begin, armed: map[uint32]uint64{}}
	m.wheel.slots = &m.table
	m.wheel.cur = uint32(begin)
	for range n {
		m.table.acquire(&handler{})
	}
	return m
}

// set arms timer i for distance ticks from now, which may be in the past.
func (m *wheelModel) set(i uint32, distance int64) {
	m.t.Helper()
	when := m.now + uint64(distance)
	m.wheel.set(i, uint32(when))
	if distance < 1 {
		when = m.now + 1
	}
	m.armed[i] = when
	m.check()
}

func (m *wheelModel) clear(i uint32) {
	m.t.Helper()
	m.wheel.clear(i)
	delete(m.armed, i)
	m.check()
}

// advance lets time pass and compares what fires: everything that is due, in the
// order of its time, and nothing else.
func (m *wheelModel) advance(ticks uint64) {
	m.t.Helper()
	m.now += ticks
	due := map[uint32]uint64{}
	for i, when := range m.armed {
		if when <= m.now {
			due[i] = when
		}
	}
	if m.wheel.advance(uint32(m.now)) && len(m.armed) == 0 {
		m.t.Fatal("an empty wheel has something due")
	}
	last := uint64(0)
	for {
		i, ok := m.wheel.pop(uint32(m.now))
		if !ok {
			break
		}
		when, ok := due[i]
		if !ok {
			m.t.Fatalf("tick %d: timer %d has fired, which is armed for %d", m.now, i, m.armed[i])
		}
		if when < last {
			m.t.Fatalf("tick %d: the timer of %d has fired after one of %d", m.now, when, last)
		}
		last = when
		delete(due, i)
		delete(m.armed, i)
	}
	if len(due) > 0 {
		m.t.Fatalf("tick %d: these timers have not fired: %v", m.now, due)
	}
	if m.wheel.cur != uint32(m.now) {
		m.t.Fatalf("tick %d: the wheel stands at %d", m.now, m.wheel.cur)
	}
	m.check()
}

// check compares the time to the next look at the wheel, and its structure.
func (m *wheelModel) check() {
	m.t.Helper()
	if m.wheel.armed != len(m.armed) {
		m.t.Fatalf("%d timers are armed, want %d", m.wheel.armed, len(m.armed))
	}
	left, ok := m.wheel.ticksLeft(uint32(m.now))
	if ok != (len(m.armed) > 0) {
		m.t.Fatalf("ticksLeft says %v with %d timers armed", ok, len(m.armed))
	}
	if ok && left == 0 {
		m.t.Fatalf("tick %d: ticksLeft is 0, and all that is due has fired", m.now)
	}
	for i, when := range m.armed {
		if m.now+uint64(left) > when {
			m.t.Fatalf("tick %d: ticksLeft %d oversleeps timer %d of tick %d", m.now, left, i, when)
		}
		if s := m.table.at(i); s.prev == 0 || s.when != uint32(when) {
			m.t.Fatalf("timer %d is %+v, want tick %d", i, *s, when)
		}
	}
	linked := 0
	for b, head := range m.wheel.heads {
		level, bit := b>>wheelBits, b&wheelMask
		if occupied := m.wheel.occup[level][bit/64]>>(bit&63)&1 == 1; occupied != (head != 0) {
			m.t.Fatalf("bucket %d of level %d: occupied is %v, head is %d", bit, level, occupied, head)
		}
		for prev := bucketFlag | uint32(b); head != 0; head = m.table.at(head - 1).next {
			if got := m.table.at(head - 1).prev; got != prev {
				m.t.Fatalf("slot %d: prev is %#x, want %#x", head-1, got, prev)
			}
			prev = head
			linked++
		}
	}
	if linked != len(m.armed) {
		m.t.Fatalf("%d timers are linked, want %d", linked, len(m.armed))
	}
}

// drain follows the wheel as the loop does, from look to look, until it is empty.
// A timer may be looked at once per level, and one that was moved or cleared once
// more.
func (m *wheelModel) drain() {
	m.t.Helper()
	for looks, most := 0, wheelLevels*len(m.armed)+1; len(m.armed) > 0; looks++ {
		if looks == most {
			m.t.Fatalf("looked %d times, and these are still armed: %v", looks, m.armed)
		}
		left, _ := m.wheel.ticksLeft(uint32(m.now))
		m.advance(uint64(left))
	}
}

// begins are ticks to begin at: what is round, and what wraps around.
var begins = []uint64{
	0, 1, 255, 256, 1<<16 - 1, 1 << 16, 1<<24 - 1, 1 << 24, 1<<31 - 1, 1 << 31,
	1<<32 - 1<<24, 1<<32 - 1<<16 - 1, 1<<32 - 257, 1<<32 - 2, 1<<32 - 1, 1 << 32, 1<<32 + 255,
}

// edges are distances on both sides of every boundary of the levels.
func edges() (all []int64) {
	for level := range wheelLevels {
		for _, n := range []int64{1, 2, 127, 128, 254, 255, 256, 257} {
			for d := int64(-1); d <= 1; d++ {
				if at := n<<(level*wheelBits) + d; at > 0 && at <= maxTicks {
					all = append(all, at)
				}
			}
		}
	}
	all = append(all, maxTicks-1, maxTicks)
	slices.Sort(all)
	return slices.Compact(all)
}

func TestWheelEdges(t *testing.T) {
	all := edges()
	for _, begin := range begins {
		t.Run(fmt.Sprint(begin), func(t *testing.T) {
			for _, d := range all {
				m := newWheelModel(t, begin, 1)
				m.set(0, d)
				m.advance(uint64(d) - 1) // not early, in one jump
				m.advance(1)
				m.set(0, d)
				m.drain()
				m.set(0, d)
				m.advance(uint64(d) + 1<<20) // late
			}
			// All of them at once.
			m := newWheelModel(t, begin, len(all))
			for i, d := range all {
				m.set(uint32(i), d)
			}
			m.drain()
		})
	}
}

func TestWheelPast(t *testing.T) {
	for _, begin := range begins {
		for _, d := range []int64{0, -1, -256, -1 << 16, -maxTicks} {
			m := newWheelModel(t, begin, 1)
			m.set(0, d)
			m.advance(0)
			m.advance(1)
			if len(m.armed) != 0 {
				t.Errorf("at %d: a timer %d ticks ago has not fired with the next", begin, -d)
			}
		}
	}
}

// An empty wheel does not take the time that has passed without it for its own.
func TestWheelAfterIdleTime(t *testing.T) {
	for _, idle := range []uint64{1, 1 << 30, 1 << 31, 1<<31 + 1, 3 << 30, 1<<32 - 1, 1 << 33} {
		m := newWheelModel(t, 0, 2)
		for range 3 {
			m.advance(idle)
			for _, d := range []int64{1, 1000, maxTicks} {
				m.set(0, d)
				m.drain()
			}
		}
	}
}

// A wheel that is late takes the longest timer: late by the longest sleep.
func TestWheelLate(t *testing.T) {
	m := newWheelModel(t, 0, 2)
	m.set(0, maxTicks)
	m.now += maxTicks + 1<<20 // late for its only timer
	m.wheel.advance(uint32(m.now))
	m.wheel.set(1, uint32(m.now+maxTicks))
	m.armed[1] = m.now + maxTicks
	m.advance(0)
	m.drain()
}

// Timers that leave their bucket from its head, middle and end.
func TestWheelBucketOrder(t *testing.T) {
	for _, d := range []int64{10, 1000, 100_000, 1 << 25} {
		for first := range uint32(3) {
			for second := range uint32(3) {
				m := newWheelModel(t, 7, 3)
				for i := range uint32(3) {
					m.set(i, d)
				}
				m.clear(first)
				m.clear(second) // may be the same: is harmless
				m.set(first, d+1)
				m.drain()
			}
		}
	}
}

// Random histories, with a preference for the boundaries.
func TestWheelRandom(t *testing.T) {
	all := edges()
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		const slots = 40
		m := newWheelModel(t, begins[r.IntN(len(begins))], slots)
		distance := func() int64 {
			if r.IntN(2) == 0 {
				return all[r.IntN(len(all))]
			}
			return r.Int64N(2 << r.IntN(30))
		}
		for range 300 {
			switch i := r.Uint32N(slots); r.IntN(8) {
			case 0:
				m.clear(i)
			case 1:
				m.advance(uint64(distance()))
			case 2:
				m.advance(uint64(r.IntN(300)))
			case 3:
				if left, ok := m.wheel.ticksLeft(uint32(m.now)); ok {
					m.advance(uint64(left))
				}
			case 4:
				m.set(i, -distance())
			default:
				m.set(i, min(distance(), maxTicks))
			}
		}
		m.drain()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzWheel plays a history: the tick it begins at, then operations of six bytes,
// kind, slot and number.
func FuzzWheel(f *testing.F) {
	f.Fuzz(func(t *testing.T, begin uint64, history []byte) {
		const slots = 8
		m := newWheelModel(t, begin>>1, slots) // far from the end of the model's time
		for ; len(history) >= 6 && len(history) <= 6*200; history = history[6:] {
			i := uint32(history[1] % slots)
			n := uint32(history[2])<<24 | uint32(history[3])<<16 | uint32(history[4])<<8 | uint32(history[5])
			switch history[0] % 5 {
			case 0:
				m.set(i, int64(n&maxTicks))
			case 1:
				m.set(i, -int64(n&maxTicks))
			case 2:
				m.clear(i)
			case 3:
				if len(m.armed) > 0 {
					n &= 1<<31 - 1 // no loop is later than that for a timer
				}
				m.advance(uint64(n))
			case 4:
				if left, ok := m.wheel.ticksLeft(uint32(m.now)); ok {
					m.advance(uint64(left))
				}
			}
		}
		m.drain()
	})
}
