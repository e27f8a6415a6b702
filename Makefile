# .ci/run runs all of this but fmt and bench; see CONTRIBUTING.md.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
MODULES     := . examples bench push
FUZZTIME    := 30000x

.PHONY: fmt lint test race cross fuzz bench

fmt:
	gofmt -w $(shell git ls-files '*.go')

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted"; exit 1; }
	for m in $(MODULES); do (cd $$m && go vet ./... && go run $(STATICCHECK) ./...) || exit 1; done

test:
	go test work

# What runs whole benchmarks is left out: their processes are mostly other libraries' servers.
race:
	go test -race -timeout 8m ./... ./examples/... ./push/...
	go test -race -timeout 8m -skip '^Test(Million|MillionHeartbeat|MillionInterrupted|Scale|Echo|HTTP|WS|Push)$$' ./bench

# The select poller is what these run on; windows answers errors.ErrUnsupported. What
# others' code makes large is checked where it can differ: on another kind of system, and
# with 32 bits.
cross:
	for t in darwin/arm64 freebsd/amd64 openbsd/amd64 windows/amd64 linux/arm64 linux/386; do \
		echo $$t; \
		GOOS=$${t%/*} GOARCH=$${t#*/} go vet ./... || exit 1; \
	done
	for t in darwin/arm64 windows/amd64 linux/386; do \
		echo $$t, all modules; \
		for m in $(MODULES); do (cd $$m && GOOS=$${t%/*} GOARCH=$${t#*/} go vet ./...) || exit 1; done; \
	done

# go test fuzzes one target at a time. Of a FUZZTIME that is a time, it now and then
# takes the end for a failure ("context deadline exceeded"); 30000x is a number of inputs.
fuzz:
	for pkg in $$(go list ./... ./push/protocol ./push/topic); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

bench:
	go run ./bench echo -conns 1,100,1000,10000
	go run ./bench http -conns 1,100,1000
	go run ./bench ws -conns 100,1000,10000
	go run ./bench million -conns 100000
