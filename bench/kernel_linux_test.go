package main

import (
	"net"
	"os"
	"testing"
)

func TestKernel(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	u, err := readKernel()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", u)
	if u.MemTotal <= 0 || u.MemAvailable <= 0 || u.MemFree <= 0 || u.MemFree > u.MemTotal {
		t.Errorf("memory: %+v", u)
	}
	if u.Slab <= 0 || u.Kernel <= 0 || u.PageTables <= 0 || u.Kernel > u.MemTotal {
		t.Errorf("memory of the kernel: %+v", u)
	}
	if u.TCPInUse < 1 || u.TCPAlloc < 1 || u.FilesOpen < 1 {
		t.Errorf("sockets and files: %+v", u)
	}
}

func TestKernelSlabs(t *testing.T) {
	slabs, err := readSlabs()
	if os.IsPermission(err) || os.IsNotExist(err) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if slabs["TCP"] <= 0 || slabs["dentry"] <= 0 {
		t.Errorf("%v", slabs)
	}
}
