//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var allFixtures = []string{"testdata/million.json", "testdata/scale.json", "testdata/echo.json", "testdata/http.json"}

// makeReport runs the subcommand and returns the page.
func makeReport(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr strings.Builder
	if status := run(t.Context(), append([]string{"report", "-o", "-"}, args...), &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	return stdout.String()
}

// An element of a page, with what is in it.
type element struct {
	name     string
	attrs    map[string]string
	text     string
	children []*element
}

// parsePage reads a page as XML, which it is meant to be, too: nothing unclosed
// and nothing unescaped gets through.
func parsePage(t *testing.T, page string) *element {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	root := &element{}
	open := []*element{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root
		}
		if err != nil {
			t.Fatal(err)
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attrs: make(map[string]string)}
			for _, a := range token.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			top.children = append(top.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
}

// each calls f for all elements of a name, or all of them.
func (e *element) each(name string, f func(*element)) {
	for _, c := range e.children {
		if name == "" || c.name == name {
			f(c)
		}
		c.each(name, f)
	}
}

func (e *element) count(name string) (n int) {
	e.each(name, func(*element) { n++ })
	return n
}

// all returns the text of an element and of what is in it.
func (e *element) all() string {
	text := e.text
	for _, c := range e.children {
		text += " " + c.all()
	}
	return text
}

func TestPageIsSound(t *testing.T) {
	html := makeReport(t, allFixtures...)
	page := parsePage(t, html)

	if !strings.HasPrefix(html, "<!DOCTYPE html>") {
		t.Error("no doctype: browsers would be in quirks mode")
	}
	ids := make(map[string]bool)
	page.each("", func(e *element) {
		if id := e.attrs["id"]; id != "" {
			if ids[id] {
				t.Errorf("id %q is there twice", id)
			}
			ids[id] = true
		}
		for name := range e.attrs {
			if strings.HasPrefix(name, "on") || name == "src" {
				t.Errorf("<%s %s=...>", e.name, name)
			}
		}
	})
	page.each("", func(e *element) {
		if href, ok := e.attrs["href"]; ok && (!strings.HasPrefix(href, "#") || !ids[href[1:]]) {
			t.Errorf("a link to %q, which is not on the page", href)
		}
		for id := range strings.FieldsSeq(e.attrs["aria-labelledby"]) {
			if !ids[id] {
				t.Errorf("<%s> is named by %q, which is not on the page", e.name, id)
			}
		}
	})
	for _, name := range []string{"script", "link", "img", "iframe", "object", "image"} {
		if page.count(name) > 0 {
			t.Errorf("the page has a <%s>", name)
		}
	}
	// The only addresses are names of namespaces, which nobody fetches.
	others := strings.NewReplacer(`xmlns="http://www.w3.org/2000/svg"`, "").Replace(html)
	if found := regexp.MustCompile(`(https?:)?//[a-z][^\s"]*|url\(|@import`).FindString(others); found != "" {
		t.Errorf("the page asks for %s", found)
	}
}

func TestPageTablesAreAccessible(t *testing.T) {
	page := parsePage(t, makeReport(t, allFixtures...))
	page.each("table", func(table *element) {
		var columns []int
		table.each("tr", func(tr *element) {
			n := 0
			for _, c := range tr.children {
				span := 1
				if c.attrs["colspan"] != "" {
					if err := json.Unmarshal([]byte(c.attrs["colspan"]), &span); err != nil {
						t.Error(err)
					}
				}
				n += span
			}
			columns = append(columns, n)
			if first := tr.children[0]; first.name != "th" {
				t.Errorf("a row begins with <%s> %q", first.name, first.all())
			}
		})
		if len(slices.Compact(columns)) != 1 {
			t.Errorf("rows of %v cells in one table", columns)
		}
		table.each("th", func(th *element) {
			if scope := th.attrs["scope"]; !slices.Contains([]string{"col", "row", "rowgroup"}, scope) {
				t.Errorf("<th scope=%q> %q", scope, th.all())
			}
		})
		if table.count("caption") != 1 {
			t.Error("a table without a caption")
		}
	})
	page.each("svg", func(svg *element) {
		if svg.attrs["role"] != "img" || len(svg.children) < 3 || svg.children[0].name != "title" || svg.children[1].name != "desc" {
			t.Errorf("<svg role=%q> does not begin with title and desc", svg.attrs["role"])
		} else if len(svg.children[1].text) < 20 {
			t.Errorf("%q is all that is said of %q", svg.children[1].text, svg.children[0].text)
		}
	})
}

func TestPageHoldsEverything(t *testing.T) {
	page := parsePage(t, makeReport(t, allFixtures...))
	text := strings.Join(strings.Fields(page.all()), " ")
	for _, want := range []string{
		"Imaginary CPU @ 2.50GHz, 2 cores, 24.0 GiB", "Linux 6.18.0", "go1.26.8", "0123456789ab", "20,000 per process", "2 January 2026, 03:04 UTC",
		"bench million -conns 1000000 -mode weir,net -rounds 3 -tune",
		"64 B, 20,000/s over 10% of the connections, for 10s after 2s of warm-up",
		"each connection every 30s, 1% of them silent", "fs.file-max 1000000 -&gt; 2310000", "server on 0, load on 1",
		"net (again)", "× net ±", "1,000,040",
		"sysctl -w fs.file-max=2310000, or -tune", "fs.file-max (too low)", "about 1,290,000",
		"active: 214 messages were not answered in time (every round)", "12 attempts were repeated", "(round 2)",
		"net at 1,000,000 connections was left out", "912,000 of 1,000,000 connections were reached: no more memory for the kernel (ENOBUFS)",
		"a server has ended: killed", "hertz FAILED: hertz server", "17 unanswered in the end",
		"SO_REUSEPORT", "coordinated omission", "Loopback is not a network", "GET /plaintext",
	} {
		if want = strings.ReplaceAll(want, "&gt;", ">"); !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	// million: memory, latency, broadcast. scale: four that grow, and those
	// three for each of four numbers. echo: two tables, http: one.
	if n := page.count("svg"); n != 3+4+4*3+2*2+2 {
		t.Errorf("%d plots", n)
	}
}

// A page of one benchmark does not explain the others.
func TestPageExplainsWhatIsThere(t *testing.T) {
	html := makeReport(t, "testdata/http.json")
	for _, other := range []string{"SO_REUSEPORT", "coordinated omission", "after ±", "Broadcast"} {
		if strings.Contains(html, other) {
			t.Errorf("the page of http says %q", other)
		}
	}
	if html := makeReport(t, "testdata/million.json"); strings.Contains(html, "pipeline") {
		t.Error("the page of million explains pipelines")
	}
}

func TestPageEscapes(t *testing.T) {
	const nasty = `<script>alert("1")</script>&`
	name := filepath.Join(t.TempDir(), nasty[:8]+".json")
	m := fixtures()["million.json"].(*millionReport)
	m.Machine.CPU, m.Notes = nasty, []string{nasty}
	m.Command = []string{nasty}
	for _, r := range m.Groups[0].Modes {
		r.Mode = nasty
	}
	content, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o666); err != nil {
		t.Fatal(err)
	}
	page := parsePage(t, makeReport(t, name))
	if page.count("script") > 0 {
		t.Error("a name became an element")
	}
	if !strings.Contains(page.all(), nasty) {
		t.Error("the name is not on the page")
	}
}

func TestReportCommandLine(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	other := fixtures()["echo.json"].(*report)
	other.Machine.Commit = "fedcba98765432100000"
	content, err := json.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	otherCommit := write("other.json", string(content))
	text := write("text.json", "conns 1000\n")
	list := write("list.json", "[1,2]")
	nameless := write("nameless.json", `{"cpu":"fast"}`)
	smtp := write("smtp.json", `{"benchmark":"smtp"}`)
	newer := write("newer.json", `{"benchmark":"echo","colour":"blue","tables":[]}`)
	wrong := write("wrong.json", `{"benchmark":"million","groups":"many"}`)
	empty := write("empty.json", `{"benchmark":"echo","tables":[]}`)
	modeless := write("modeless.json", `{"benchmark":"million","groups":[{"conns":5000}]}`)
	hole := write("hole.json", `{"benchmark":"million","groups":[{"conns":5000,"modes":[null]}]}`)
	histogram := write("histogram.json", `{"benchmark":"echo","tables":[{"conns":1,"pipeline":1,"peers":[{"peer":"net","merged_histogram":"HIST"}]}]}`)
	page := filepath.Join(dir, "page.html")

	for _, test := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"-h"}, 0, "usage: bench report [flags] file.json..."},
		{nil, 2, "no file: name one or more results"},
		{[]string{"-colour"}, 2, "-colour"},
		{[]string{filepath.Join(dir, "missing.json")}, 2, "missing.json: no such file"},
		{[]string{text}, 2, "text.json is not a result of bench"},
		{[]string{list}, 2, "list.json is not a result of bench"},
		{[]string{nameless}, 2, "it names no benchmark"},
		{[]string{smtp}, 2, `unknown benchmark "smtp"; there are echo, http, ws, million, scale`},
		{[]string{newer}, 2, `is the result of another version of bench, with the field "colour"`},
		{[]string{wrong}, 2, "wrong.json cannot be read as a result of this version"},
		{[]string{empty}, 2, "empty.json holds no figures"},
		{[]string{modeless}, 2, "holds no figures of 5,000 connections"},
		{[]string{hole}, 2, "hole.json is not a result of bench: a list in it holds null"},
		{[]string{histogram}, 1, "histogram.json: a histogram of the result"},
		{[]string{"testdata/million.json", otherCommit}, 2, "come from different versions of weir (0123456789ab and fedcba987654)"},
		{[]string{"-o", "-", "-markdown", "-", "testdata/echo.json"}, 2, "are both for standard output"},
		{[]string{"-o", filepath.Join(dir, "no", "page.html"), "testdata/echo.json"}, 1, "no such file"},
		{[]string{"-mixed", "testdata/million.json", otherCommit, "-o", page}, 0, "page.html: 10 tables, 7 plots"},
		{[]string{"-o", "", "-markdown", "-", "testdata/http.json"}, 0, "| weir-fast "},
	} {
		var stdout, stderr strings.Builder
		status := run(t.Context(), append([]string{"report"}, test.args...), &stdout, &stderr)
		if all := stdout.String() + stderr.String(); status != test.status || !strings.Contains(all, test.says) {
			t.Errorf("%q: status %d, want %d with %q in:\n%s", test.args, status, test.status, test.says, all)
		}
	}
	if _, err := os.Stat("report.html"); err == nil {
		t.Error("something that failed, or was told another name, has left report.html behind")
		os.Remove("report.html")
	}
}

// Plots of their own are whole documents, for a README to show.
func TestReportPlotFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plots")
	html := makeReport(t, "-svg", dir, "testdata/echo.json", "testdata/million.json", "testdata/million.json")
	files, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil || len(files) != 4+3+3 || len(files) != strings.Count(html, "<svg ") {
		t.Fatalf("%v, %v", files, err)
	}
	if !slices.Contains(files, filepath.Join(dir, "million-2-memory.svg")) {
		t.Errorf("two results of one name: %v", files)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		svg := parsePage(t, string(content)).children[0]
		if svg.name != "svg" || svg.attrs["xmlns"] == "" && !bytes.Contains(content, []byte("xmlns=")) || svg.attrs["width"] == "" {
			t.Errorf("%s: %v", file, svg.attrs)
		}
		if !bytes.Contains(content, []byte("prefers-color-scheme")) {
			t.Errorf("%s is for one kind of page only", file)
		}
	}
}
