package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// openTraces returns a tracer that writes to a file, "stdout" being that, or nil without
// a name. stop writes the rest.
func openTraces(name string, stdout io.Writer) (t trace.Tracer, stop func() error, err error) {
	if name == "" {
		return nil, func() error { return nil }, nil
	}
	w, closeFile := stdout, func() error { return nil }
	if name != "stdout" {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return nil, nil, fmt.Errorf("-traces: %w", err)
		}
		w, closeFile = f, f.Close
	}
	exporter, err := stdouttrace.New(stdouttrace.WithWriter(w))
	if err != nil {
		closeFile()
		return nil, nil, fmt.Errorf("-traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	return provider.Tracer("github.com/weir-go/weir/push"), func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := provider.Shutdown(ctx)
		if e := closeFile(); err == nil {
			err = e
		}
		return err
	}, nil
}
