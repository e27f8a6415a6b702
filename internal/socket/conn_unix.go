//go:build unix

package socket

import (
	"errors"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Accept takes a connection from a listening socket.
func Accept(fd int) (int, Addr, error) {
	for {
		nfd, sa, err := accept(fd)
		switch {
		case err == nil:
			return nfd, fromSockaddr(sa), nil
		case errors.Is(err, unix.EAGAIN):
			return -1, Addr{}, ErrAgain
		case errors.Is(err, unix.EINTR):
		default:
			return -1, Addr{}, os.NewSyscallError("accept", err)
		}
	}
}

// IsTemporary reports whether an error of Accept concerns only the connection
// that was about to be accepted, so that the next one may be tried at once.
func IsTemporary(err error) bool {
	for _, e := range []error{unix.ECONNABORTED, unix.ECONNRESET, unix.EPROTO, unix.EPERM,
		unix.ENETDOWN, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EOPNOTSUPP, unix.ENOPROTOOPT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// IsExhausted reports whether a call failed for want of descriptors or memory.
func IsExhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) ||
		errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}

// IsReset reports whether a call failed because the peer is gone.
func IsReset(err error) bool {
	return errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

// Close closes fd.
func Close(fd int) error {
	return os.NewSyscallError("close", unix.Close(fd))
}

// CloseWrite sends FIN after what has been written.
func CloseWrite(fd int) error {
	return os.NewSyscallError("shutdown", unix.Shutdown(fd, unix.SHUT_WR))
}

// Reset makes the following Close discard what is unsent and send RST.
func Reset(fd int) error {
	l := unix.Linger{Onoff: 1, Linger: 0}
	return os.NewSyscallError("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l))
}

// Err returns and clears the socket's pending error.
func Err(fd int) error {
	e, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	if e == 0 {
		return nil
	}
	return os.NewSyscallError("socket", unix.Errno(e))
}

// Set applies the options to a connection; tcp tells whether it is TCP.
func Set(fd int, tcp bool, o Options) error {
	var errs []error
	set := func(level, name, value int) {
		if err := unix.SetsockoptInt(fd, level, name, value); err != nil {
			errs = append(errs, os.NewSyscallError("setsockopt", err))
		}
	}
	if tcp && !o.Delay {
		set(unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if o.ReadBuffer > 0 {
		set(unix.SOL_SOCKET, unix.SO_RCVBUF, o.ReadBuffer)
	}
	if o.WriteBuffer > 0 {
		set(unix.SOL_SOCKET, unix.SO_SNDBUF, o.WriteBuffer)
	}
	if tcp && o.KeepAlive != 0 {
		errs = append(errs, SetKeepAlive(fd, o.KeepAlive))
	}
	return errors.Join(errs...)
}

// SetNoDelay turns Nagle's algorithm off, or on.
func SetNoDelay(fd int, on bool) error {
	v := 0
	if on {
		v = 1
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, v))
}

// SetReadBuffer sets SO_RCVBUF.
func SetReadBuffer(fd, bytes int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes))
}

// SetWriteBuffer sets SO_SNDBUF.
func SetWriteBuffer(fd, bytes int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes))
}

// SetKeepAlive turns keep-alive probes on, after and every so many seconds, or
// off if seconds is negative.
func SetKeepAlive(fd, seconds int) error {
	on := 1
	if seconds < 0 {
		on = 0
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, on); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if seconds <= 0 {
		return nil
	}
	return setKeepAliveTimes(fd, seconds)
}

// Dup duplicates fd, close-on-exec and non-blocking.
func Dup(fd uintptr) (int, error) {
	nfd, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return -1, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(nfd, true); err != nil {
		unix.Close(nfd)
		return -1, os.NewSyscallError("fcntl", err)
	}
	return nfd, nil
}

// Spare opens a descriptor that serves no purpose but to be closed when
// another is needed.
func Spare() (int, error) {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return fd, os.NewSyscallError("open", err)
}

// LocalAddr returns the socket's own address.
func LocalAddr(fd int) (Addr, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return Addr{}, os.NewSyscallError("getsockname", err)
	}
	return fromSockaddr(sa), nil
}

// RemoteAddr returns the peer's address.
func RemoteAddr(fd int) (Addr, error) {
	sa, err := unix.Getpeername(fd)
	if err != nil {
		return Addr{}, os.NewSyscallError("getpeername", err)
	}
	return fromSockaddr(sa), nil
}

// SetReusePort sets SO_REUSEPORT; it is called before bind.
func SetReusePort(fd uintptr) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

func fromSockaddr(sa unix.Sockaddr) Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return FromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)))
	case *unix.SockaddrInet6:
		a := FromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)))
		a.zone = sa.ZoneId
		return a
	case *unix.SockaddrUnix:
		return fromUnix(sa.Name)
	}
	return Addr{}
}
