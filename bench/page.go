//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// reportCommand makes a page and tables for people out of results.
func reportCommand(_ context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("report", flag.ContinueOnError)
	out := fs.String("o", "report.html", "write the page to `file`, or with - to standard output; empty: no page")
	markdown := fs.String("markdown", "", "write the tables as Markdown to `file`, or with - to standard output")
	svg := fs.String("svg", "", "write each plot as a file of its own into `directory`")
	mixed := fs.Bool("mixed", false, "allow results of different machines or versions on one page")
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), `usage: bench report [flags] file.json...

Makes one HTML page with tables and plots out of the results that the other
subcommands write with -json. The page holds everything: no network is needed to
view it.

Flags:
`)
		fs.PrintDefaults()
		fmt.Fprint(fs.Output(), `
Examples:
  go run ./bench report million.json
  go run ./bench report -o all.html -markdown all.md million.json scale.json echo.json
  go run ./bench report -o '' -markdown - echo.json
`)
	}
	files, err := parseFiles(fs, args, stdout)
	if err != nil {
		return err
	}
	results, err := readResults(files, *mixed)
	if err == nil && *out == "-" && *markdown == "-" {
		err = errors.New("-o - and -markdown - are both for standard output")
	}
	if err != nil {
		return &usageError{"report", err}
	}

	// Everything is made before the first file is written: a result that cannot
	// be shown leaves nothing behind.
	page, err := newPage(results)
	if err != nil {
		return err
	}
	html, err := page.html()
	if err != nil {
		return err
	}
	if *out != "" {
		if err := writeTo(*out, html, stdout); err != nil {
			return err
		}
	}
	if *markdown != "" {
		if err := writeTo(*markdown, page.markdown(), stdout); err != nil {
			return err
		}
	}
	if *svg != "" {
		if err := os.MkdirAll(*svg, 0o777); err != nil {
			return err
		}
		for _, d := range page.drawings() {
			if err := os.WriteFile(filepath.Join(*svg, d.Name+".svg"), d.file(), 0o666); err != nil {
				return err
			}
		}
	}
	if *out != "" && *out != "-" {
		fmt.Fprintf(stderr, "%s: %d tables, %d plots, %d KiB\n", *out, page.sheets(), len(page.drawings()), (len(html)+1023)/1024)
	}
	return nil
}

// parseFiles parses flags and the names of files in any order.
func parseFiles(fs *flag.FlagSet, args []string, stdout io.Writer) (files []string, err error) {
	for {
		if err := parseFlags(fs, args, stdout); err != nil {
			return nil, err
		}
		if fs.NArg() == 0 {
			return files, nil
		}
		files, args = append(files, fs.Arg(0)), fs.Args()[1:]
	}
}

func writeTo(file string, content []byte, stdout io.Writer) error {
	if file == "-" {
		_, err := stdout.Write(content)
		return err
	}
	return os.WriteFile(file, content, 0o666)
}
