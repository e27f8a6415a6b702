package socket

import (
	"net"
	"net/netip"
	"strconv"
)

type family uint8

const (
	familyNone family = iota
	familyTCP4
	familyTCP6
	familyUnix
)

// Addr is a socket address in 32 bytes; a net.TCPAddr takes three times that.
// The zero Addr is unknown.
type Addr struct {
	ip     [16]byte
	name   *string // of a unix socket that has one
	zone   uint32
	port   uint16
	family family
}

// FromAddrPort returns the address of a TCP endpoint. A zone is left out.
func FromAddrPort(ap netip.AddrPort) Addr {
	ip := ap.Addr()
	a := Addr{ip: ip.As16(), port: ap.Port(), family: familyTCP6}
	if ip.Is4() || ip.Is4In6() {
		a.family = familyTCP4
	}
	return a
}

func fromUnix(name string) Addr {
	a := Addr{family: familyUnix}
	if name != "" {
		a.name = &name
	}
	return a
}

// IsTCP reports whether a is a TCP endpoint.
func (a Addr) IsTCP() bool { return a.family == familyTCP4 || a.family == familyTCP6 }

// AddrPort returns the IP address and port, or the zero value for a unix
// socket.
func (a Addr) AddrPort() netip.AddrPort {
	if !a.IsTCP() {
		return netip.AddrPort{}
	}
	ip := netip.AddrFrom16(a.ip)
	if a.family == familyTCP4 {
		ip = ip.Unmap()
	} else if a.zone != 0 {
		ip = ip.WithZone(zoneName(a.zone))
	}
	return netip.AddrPortFrom(ip, a.port)
}

// Net returns a as a net.Addr: a *net.TCPAddr or a *net.UnixAddr.
func (a Addr) Net() net.Addr {
	switch a.family {
	case familyTCP4, familyTCP6:
		return net.TCPAddrFromAddrPort(a.AddrPort())
	case familyUnix:
		u := &net.UnixAddr{Net: "unix"}
		if a.name != nil {
			u.Name = *a.name
		}
		return u
	}
	return nil
}

func zoneName(index uint32) string {
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(index), 10)
}
