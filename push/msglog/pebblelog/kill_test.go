package pebblelog

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir/push/msglog"
)

// killDir tells the test binary, started again, to append in that directory until it is
// killed.
const killDir = "PEBBLELOG_TEST_KILL_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		appendForever(dir, os.Getenv("PEBBLELOG_TEST_KILL_RUN"))
	}
	os.Exit(checkLeaks(m))
}

// appendForever prints a line for each message that is acknowledged.
func appendForever(dir, run string) {
	l, err := Open(dir, killOptions())
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	go func() {
		for {
			if err := l.Sweep(time.Now()); err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			time.Sleep(time.Millisecond)
		}
	}()
	out := bufio.NewWriter(os.Stdout)
	for n := 0; ; n++ {
		var group []*msglog.Record
		for i := range 1 + n%7 {
			group = append(group, killRecord(run, n, i))
		}
		if err := l.Append(group); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		for _, r := range group {
			fmt.Fprintln(out, r.Topic, r.Epoch, r.Offset, r.Position, r.MessageID)
		}
		out.Flush()
	}
}

func killRecord(run string, n, i int) *msglog.Record {
	id := fmt.Sprint(run, ".", n, ".", i)
	return &msglog.Record{
		Topic: fmt.Sprint("t", (n+i)%5), Publisher: "p", MessageID: id,
		Data: []byte(id + strings.Repeat("x", 100*(n%20))),
	}
}

func killOptions() Options {
	// Small memory, so that tables are written while it is killed.
	return Options{
		MemTable: 1 << 18, MinFree: -1, Logger: slog.New(slog.DiscardHandler), DedupCount: 1_000_000, DedupAge: time.Hour,
		Keep: msglog.Retention{Count: -1, Bytes: -1},
	}
}

type acknowledged struct {
	topic                   string
	epoch, offset, position uint64
	id                      string
}

func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	var known []acknowledged
	for run := range 22 {
		known = append(known, runAndKill(t, dir, run)...)
		if run%3 == 2 || run == 21 {
			verifyKilled(t, dir, known)
		}
	}
	if len(known) < 100 {
		t.Errorf("%d messages in all", len(known))
	}
	t.Logf("%d messages were acknowledged", len(known))
}

func runAndKill(t *testing.T, dir string, run int) (known []acknowledged) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(os.Environ(), killDir+"="+dir, fmt.Sprint("PEBBLELOG_TEST_KILL_RUN=", run))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	stuck := time.AfterFunc(20*time.Second, func() { c.Process.Kill() })
	defer stuck.Stop()
	// It is killed some time after its first message, or at once in some runs.
	killAfter := time.Duration(rand.IntN(100)) * time.Millisecond
	if run%7 == 6 {
		time.AfterFunc(time.Duration(rand.IntN(30))*time.Millisecond, func() { c.Process.Kill() })
	}
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF || err != nil {
			return known // the line that was cut off, if any, was not acknowledged
		}
		if strings.HasPrefix(line, "error") {
			t.Fatal(line)
		}
		var a acknowledged
		if _, err := fmt.Sscan(line, &a.topic, &a.epoch, &a.offset, &a.position, &a.id); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if len(known) == 0 {
			time.AfterFunc(killAfter, func() { c.Process.Kill() })
		}
		known = append(known, a)
	}
}

// verifyKilled checks that what was acknowledged is there, nothing twice, and no gap.
func verifyKilled(t *testing.T, dir string, known []acknowledged) {
	l, err := Open(dir, killOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	stored := make(map[string]map[uint64]*msglog.Record)
	ids := make(map[string]bool)
	var messages uint64
	for i := range 5 {
		name := fmt.Sprint("t", i)
		records, _, err := l.Read(nil, name, 0, 1<<30, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		stored[name] = make(map[uint64]*msglog.Record)
		for n, r := range records {
			if r.Offset != uint64(n+1) || ids[r.MessageID] || !strings.HasPrefix(string(r.Data), r.MessageID) {
				t.Fatalf("%s: number %d is %d, %q", name, n, r.Offset, r.MessageID)
			}
			ids[r.MessageID] = true
			stored[name][r.Offset] = r
			messages++
		}
	}
	if e := l.All(); e.Last != messages {
		t.Errorf("%d messages, and the last is %d", messages, e.Last)
	}
	for _, a := range known {
		r := stored[a.topic][a.offset]
		if r == nil || r.Epoch != a.epoch || r.Position != a.position || r.MessageID != a.id {
			t.Fatalf("acknowledged %+v, there is %+v", a, r)
		}
	}
	for n := range min(len(known), 50) {
		a := known[len(known)-1-n]
		r := &msglog.Record{Topic: a.topic, Publisher: "p", MessageID: a.id}
		if err := l.Append([]*msglog.Record{r}); err != nil {
			t.Fatal(err)
		}
		if !r.Duplicate || r.Offset != a.offset || r.Epoch != a.epoch || r.Position != a.position {
			t.Fatalf("%+v again is %+v", a, r)
		}
	}
}
