"""The cluster's LAN.

    client .99 --+                             10.244.0.0/16
                 | bridge lan0        bridge pods0 --- one namespace a pod
    router .1 ---+   192.168.0.0/24            |
      control plane, node program -------------+
    node-1 .11, node-2 .12, ... --- lan0

Pods' networks belong to the router, so all nodes reach every pod the same way.
"""
import atexit
import signal
import sys

from lab.network import CLIENT, LAN4, LAN6, Namespace, Network, Node, sweep

ROUTER = f"{LAN4}.1"
POD_GATEWAY = "10.244.0.1/16"
FIRST_NODE = 11
VIPS = f"{LAN4}.100-{LAN4}.199"
USABLE, UNUSABLE = f"{LAN4}.190", "203.0.113.200"  # for Gateways that ask for an address
# A bridge without an address of its own takes the lowest of its ports': pods that come and go would
# change it, and everybody's neighbour entry of the router would be wrong for seconds.
LAN_MAC, PODS_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"


class Lan(Network):
    """A context manager, like every Network."""

    def __init__(self, pass_object, nodes):
        self.pass_object = pass_object
        self.lan4 = LAN4
        self.hosts = []
        self.ports = 0
        sweep()
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            self.router = self.make_router()
            self.client = self.add_host("client", CLIENT)
            self.nodes = [self.add_node(i) for i in range(nodes)]
        except BaseException:
            self.close()
            raise

    def unplug(self, node):
        self.router.ip("link", "set", node.port, "down")

    def replug(self, node):
        self.router.ip("link", "set", node.port, "up")

    def make_router(self):
        router = self.add(Namespace("router"))
        router.sysctl("net.ipv4.ip_forward", 1)
        router.sysctl("net.ipv6.conf.all.forwarding", 1)
        for name, mac, addresses in (("lan0", LAN_MAC, (f"{ROUTER}/24", f"{LAN6}:1/64")), ("pods0", PODS_MAC, (POD_GATEWAY,))):
            router.ip("link", "add", name, "address", mac, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
            for address in addresses:
                router.ip("addr", "add", address, "dev", name)
            router.ip("link", "set", name, "up")
        return router

    def add_node(self, index):
        node = self.add_host(f"node{index + 1}", FIRST_NODE + index, kind=Node)
        node.node_name = f"node-{index + 1}"
        node.address = f"{LAN4}.{FIRST_NODE + index}"
        node.port = f"port{self.ports}"  # its cable's end at the bridge
        return node
