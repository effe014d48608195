package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// network gives pods a namespace and an address on one bridge.
type network struct {
	bridge  int // interface index
	gateway netip.Prefix

	mu   sync.Mutex
	last netip.Addr
	used map[netip.Addr]bool
}

// podNetwork lives while the file or a process holds its namespace.
type podNetwork struct {
	network   *network
	namespace *os.File
	address   netip.Addr
}

func newNetwork(bridge, gateway string) (*network, error) {
	link, err := netlink.LinkByName(bridge)
	if err != nil {
		return nil, fmt.Errorf("bridge %s: %w", bridge, err)
	}
	prefix, err := netip.ParsePrefix(gateway)
	if err != nil {
		return nil, err
	}
	return &network{bridge: link.Attrs().Index, gateway: prefix, last: prefix.Addr(), used: map[netip.Addr]bool{prefix.Addr(): true}}, nil
}

// allocate takes the next free address, so that one is not used again soon.
func (n *network) allocate() netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		n.last = n.last.Next()
		if !n.gateway.Contains(n.last.Next()) { // the last one is the broadcast address
			n.last = n.gateway.Masked().Addr()
		} else if !n.used[n.last] {
			n.used[n.last] = true
			return n.last
		}
	}
}

// attach makes a namespace with an address and a default route.
func (n *network) attach() (*podNetwork, error) {
	p := &podNetwork{network: n, address: n.allocate()}
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread keeps the namespace
		done <- p.build()
	}()
	if err := <-done; err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// build runs on a thread of its own and moves it into the new namespace.
func (p *podNetwork) build() error {
	outside, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer outside.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("new namespace: %w", err)
	}
	if p.namespace, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	inside, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer inside.Close()
	if err := p.cable(outside); err != nil {
		return fmt.Errorf("veth: %w", err)
	}
	return p.configure(inside)
}

func (p *podNetwork) cable(outside *netlink.Handle) error {
	bytes := p.address.As4()
	name := fmt.Sprintf("pod%d.%d", bytes[2], bytes[3])
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name, MasterIndex: p.network.bridge},
		PeerName:  "eth0", PeerNamespace: netlink.NsFd(p.namespace.Fd()),
	}
	if err := outside.LinkAdd(veth); err != nil {
		return err
	}
	return outside.LinkSetUp(veth)
}

func (p *podNetwork) configure(inside *netlink.Handle) error {
	for _, name := range []string{"lo", "eth0"} {
		link, err := inside.LinkByName(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if name == "eth0" {
			mask := net.CIDRMask(p.network.gateway.Bits(), 32)
			address := &netlink.Addr{IPNet: &net.IPNet{IP: p.address.AsSlice(), Mask: mask}}
			if err := inside.AddrAdd(link, address); err != nil {
				return fmt.Errorf("address: %w", err)
			}
		}
		if err := inside.LinkSetUp(link); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := inside.RouteAdd(&netlink.Route{Gw: p.network.gateway.Addr().AsSlice()}); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	return nil
}

// close frees the address; the veth goes when the last process and this file are gone.
func (p *podNetwork) close() {
	if p.namespace != nil {
		p.namespace.Close()
	}
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	delete(p.network.used, p.address)
}
