package pebblelog

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// disk is the file system of one engine, which shields it from failing writes.
//
// Pebble does not survive them: after a write to its log (WAL) failed it panics with a
// mutex in a state that ends the process when it is unlocked, an error of the MANIFEST
// is fatal, and both may come from its own goroutines. But what is needed after a failed
// write is known: leave what is on the disk alone, and open the database anew, as after a
// crash. So when a write fails, disk says that it has succeeded, and from then on nothing
// it is asked to write reaches the real disk. To the files that is as if the process had
// been killed at that write. The engine runs on, believing, can be closed in the ordinary
// way, and nothing that it says is believed: whoever waited for a commit asks Failed
// afterwards. A commit that was done before the failure was really done.
type disk struct {
	vfs.FS
	failed atomic.Bool
	mu     sync.Mutex
	err    error
}

func newDisk(fs vfs.FS) *disk { return &disk{FS: fs} }

// Failed returns the first error, if there was one.
func (d *disk) Failed() error {
	if !d.failed.Load() {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// fail ends writing.
func (d *disk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
		d.failed.Store(true)
	}
}

// done judges the error of something that changes the disk. What says that a file is
// there, or is not, is an answer and no failure.
func (d *disk) done(err error) error {
	if err == nil || oserror.IsNotExist(err) || oserror.IsExist(err) {
		return err
	}
	d.fail(err)
	return nil
}

func (d *disk) file(f vfs.File, err error) (vfs.File, error) {
	if err = d.done(err); err != nil {
		return nil, err
	}
	if f == nil {
		return &diskFile{disk: d}, nil
	}
	return &diskFile{disk: d, inner: f}, nil
}

func (d *disk) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if d.failed.Load() {
		return d.file(nil, nil)
	}
	return d.file(d.FS.Create(name, category))
}

func (d *disk) OpenReadWrite(name string, category vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	if d.failed.Load() {
		return d.file(nil, nil)
	}
	return d.file(d.FS.OpenReadWrite(name, category, o...))
}

func (d *disk) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if d.failed.Load() {
		return d.file(nil, nil)
	}
	return d.file(d.FS.ReuseForWrite(old, name, category))
}

func (d *disk) OpenDir(name string) (vfs.File, error) {
	f, err := d.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &diskFile{disk: d, inner: f}, nil
}

func (d *disk) change(f func() error) error {
	if d.failed.Load() {
		return nil
	}
	return d.done(f())
}

func (d *disk) Link(old, name string) error {
	return d.change(func() error { return d.FS.Link(old, name) })
}

func (d *disk) Remove(name string) error {
	return d.change(func() error { return d.FS.Remove(name) })
}

func (d *disk) RemoveAll(name string) error {
	return d.change(func() error { return d.FS.RemoveAll(name) })
}

func (d *disk) Rename(old, name string) error {
	return d.change(func() error { return d.FS.Rename(old, name) })
}

func (d *disk) Unwrap() vfs.FS { return d.FS }

// diskFile is a file of a disk. inner is nil if it was created after the failure.
type diskFile struct {
	disk  *disk
	inner vfs.File
}

// errVoid is what reading from such a file comes to.
var errVoid = errors.New("pebblelog: the file was written after the disk had failed")

func (f *diskFile) change(do func() error) error {
	if f.inner == nil || f.disk.failed.Load() {
		return nil
	}
	err := do()
	if err != nil {
		f.disk.fail(err)
	}
	return nil
}

func (f *diskFile) Write(b []byte) (int, error) {
	return len(b), f.change(func() error { _, err := f.inner.Write(b); return err })
}

func (f *diskFile) WriteAt(b []byte, at int64) (int, error) {
	return len(b), f.change(func() error { _, err := f.inner.WriteAt(b, at); return err })
}

func (f *diskFile) Sync() error { return f.change(func() error { return f.inner.Sync() }) }

func (f *diskFile) SyncData() error { return f.change(func() error { return f.inner.SyncData() }) }

func (f *diskFile) SyncTo(n int64) (full bool, err error) {
	err = f.change(func() (err error) { full, err = f.inner.SyncTo(n); return err })
	return full, err
}

// Preallocate makes later writes cheaper, and may as well not.
func (f *diskFile) Preallocate(at, n int64) error {
	if f.inner != nil && !f.disk.failed.Load() {
		_ = f.inner.Preallocate(at, n)
	}
	return nil
}

func (f *diskFile) Close() error {
	if f.inner == nil {
		return nil
	}
	if err := f.inner.Close(); err != nil {
		f.disk.fail(err)
	}
	return nil
}

func (f *diskFile) Read(b []byte) (int, error) {
	if f.inner == nil {
		return 0, io.EOF
	}
	return f.inner.Read(b)
}

func (f *diskFile) ReadAt(b []byte, at int64) (int, error) {
	if f.inner == nil {
		return 0, errVoid
	}
	return f.inner.ReadAt(b, at)
}

func (f *diskFile) Stat() (vfs.FileInfo, error) {
	if f.inner == nil {
		return voidInfo{}, nil
	}
	return f.inner.Stat()
}

func (f *diskFile) Prefetch(at, n int64) error {
	if f.inner == nil {
		return nil
	}
	return f.inner.Prefetch(at, n)
}

func (f *diskFile) Fd() uintptr {
	if f.inner == nil {
		return vfs.InvalidFd
	}
	return f.inner.Fd()
}

// voidInfo is that of an empty file.
type voidInfo struct{}

func (voidInfo) Name() string           { return "void" }
func (voidInfo) Size() int64            { return 0 }
func (voidInfo) Mode() os.FileMode      { return 0o600 }
func (voidInfo) ModTime() time.Time     { return time.Time{} }
func (voidInfo) IsDir() bool            { return false }
func (voidInfo) Sys() any               { return nil }
func (voidInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
