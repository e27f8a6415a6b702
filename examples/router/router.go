package main

import (
	"context"
	"embed"
	"io/fs"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/klauspost/compress/gzhttp"
)

//go:embed static
var static embed.FS

// newRouter returns the service. Nothing from here on knows of weir. ctx ends what
// would not end by itself.
func newRouter(ctx context.Context, tick time.Duration) http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // not to be: it is embedded
	}
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(256), gzhttp.EnableZstd(false))
	if err != nil {
		panic(err) // not to be: the options are constant
	}

	r := chi.NewRouter()
	r.Use(middleware.Recoverer, middleware.GetHead)
	r.Use(func(next http.Handler) http.Handler { return compress(next) })
	r.Get("/clock", newClock(ctx, tick).ServeHTTP)
	r.Group(func(r chi.Router) {
		r.Use(etag)
		newNotes().routes(r)
		r.Get("/*", http.FileServerFS(files).ServeHTTP)
	})
	return r
}
