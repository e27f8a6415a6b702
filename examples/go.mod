module github.com/weir-go/weir/examples

go 1.26.0

require github.com/weir-go/weir v0.0.0

require (
	github.com/panjf2000/ants/v2 v2.12.1 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/sync v0.11.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/weir-go/weir => ../
