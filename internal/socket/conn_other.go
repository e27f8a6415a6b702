//go:build !unix

package socket

import "errors"

func Read(fd int, p []byte) (int, error)     { return 0, errors.ErrUnsupported }
func Write(fd int, p []byte) (int, error)    { return 0, errors.ErrUnsupported }
func Writev(fd int, p [][]byte) (int, error) { return 0, errors.ErrUnsupported }
func Unsent(fd int) (int, bool)              { return 0, false }
func Accept(fd int) (int, Addr, error)       { return -1, Addr{}, errors.ErrUnsupported }
func IsTemporary(err error) bool             { return false }
func IsExhausted(err error) bool             { return false }
func IsReset(err error) bool                 { return false }
func Close(fd int) error                     { return errors.ErrUnsupported }
func CloseWrite(fd int) error                { return errors.ErrUnsupported }
func Reset(fd int) error                     { return errors.ErrUnsupported }
func Err(fd int) error                       { return errors.ErrUnsupported }
func Set(fd int, tcp bool, o Options) error  { return errors.ErrUnsupported }
func SetNoDelay(fd int, on bool) error       { return errors.ErrUnsupported }
func SetReadBuffer(fd, bytes int) error      { return errors.ErrUnsupported }
func SetWriteBuffer(fd, bytes int) error     { return errors.ErrUnsupported }
func SetKeepAlive(fd, seconds int) error     { return errors.ErrUnsupported }
func Dup(fd uintptr) (int, error)            { return -1, errors.ErrUnsupported }
func Spare() (int, error)                    { return -1, errors.ErrUnsupported }
func LocalAddr(fd int) (Addr, error)         { return Addr{}, errors.ErrUnsupported }
func SetReusePort(fd uintptr) error          { return errors.ErrUnsupported }
func RemoteAddr(fd int) (Addr, error)        { return Addr{}, errors.ErrUnsupported }
