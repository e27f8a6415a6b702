module github.com/weir-go/weir

go 1.26.0

require (
	github.com/gobwas/ws v1.5.0
	github.com/panjf2000/ants/v2 v2.12.1
	github.com/valyala/bytebufferpool v1.0.0
	golang.org/x/sys v0.49.0
)

require (
	github.com/gobwas/httphead v0.1.0 // indirect
	golang.org/x/sync v0.11.0 // indirect
)
