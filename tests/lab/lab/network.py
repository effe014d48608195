"""Network namespaces and the LAN made of them.

    client ---+                           10.244.0.0/16
              | bridge lan0               +--- pods
    router ---+----------- eth0 node cni0-+
            192.168.0.0/24, fd5a::/64

Processes enter with nsenter, not "ip netns exec", which would hide the node's bpffs. The node has a
mount namespace of its own as well: fresh /sys, /sys/fs/bpf and /run, so that nothing on the machine
is touched, and several labs do not see each other.
"""
import atexit
import os
import pathlib
import signal
import subprocess
import sys
import time

PREFIX = "slab"  # of every namespace's name, then the process id of its maker
LAN4, LAN6 = "192.168.0", "fd5a:0:0:1:"  # the default; the host's number follows
POD4 = "10.244"
CLIENT, NODE = 99, 150


class CommandFailed(Exception):
    pass


def run(*command, check=True, timeout=60, stdin=None):
    """The finished process; CommandFailed names the command and what it said."""
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, timeout=timeout,
                          input=stdin)
    if check and done.returncode != 0:
        raise CommandFailed(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Namespace:
    """One host: a network namespace with a name that is unique on the machine."""

    def __init__(self, role):
        self.role = role
        self.name = f"{PREFIX}{os.getpid()}-{role}"
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)

    def enter(self):
        """The words in front of a command that runs here."""
        return ["nsenter", f"--net=/run/netns/{self.name}", "--"]

    def run(self, *command, **options):
        return run(*self.enter(), *command, **options)

    def popen(self, *command, **options):
        return subprocess.Popen([*self.enter(), *map(str, command)], **options)

    def ip(self, *words):
        return run("ip", "-n", self.name, *words)

    def sysctl(self, key, value):
        path = "/proc/sys/" + key.replace(".", "/")
        run("nsenter", f"--net=/run/netns/{self.name}", "sh", "-c", f"echo {value} > {path}")

    def neighbour(self, address):
        """(link-layer address, state) in the kernel's neighbour table; (None, None) if unknown."""
        words = self.ip("neigh", "show", address).stdout.split()
        return (words[words.index("lladdr") + 1] if "lladdr" in words else None, words[-1] if words else None)

    def mac(self, device):
        return self.run("cat", f"/sys/class/net/{device}/address").stdout.strip()

    def pids(self):
        return [int(pid) for pid in run("ip", "netns", "pids", self.name, check=False).stdout.split()]

    def close(self):
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + 5
        while self.pids() and time.monotonic() < deadline:
            time.sleep(0.02)
        run("ip", "netns", "del", self.name, check=False)


class Node(Namespace):
    """A namespace that can carry a gateway: forwards packets, has its own /run and bpffs."""

    MOUNTS = ("mount -t sysfs sysfs /sys && mount -t bpf bpf /sys/fs/bpf && "
              "mount -t tmpfs -o mode=0755 tmpfs /run && echo ready && exec sleep infinity")

    def __init__(self, role):
        super().__init__(role)
        self.sysctl("net.ipv4.ip_forward", 1)
        self.sysctl("net.ipv6.conf.all.forwarding", 1)
        # Keeps the mount namespace; dies with this process, and everything in it with it.
        self.holder = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.name}", "unshare", "--mount", "--propagation", "private",
             "setpriv", "--pdeathsig", "KILL", "sh", "-c", self.MOUNTS], stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise CommandFailed("cannot make the node's mount namespace")

    def enter(self):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--"]

    def close(self):
        super().close()
        self.holder.wait()
        self.holder.stdout.close()


class Network:
    """The whole LAN. A context manager; also cleans up at exit and on SIGTERM."""

    def __init__(self, pass_object, lan4=LAN4, node_device="eth0"):
        self.pass_object = pass_object
        self.lan4 = lan4
        self.hosts = []
        self.ports = 0
        self.pods_used = 9
        sweep()
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            self.router = self.add(Namespace("router"))
            self.router.sysctl("net.ipv4.ip_forward", 1)
            self.router.ip("link", "add", "lan0", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
            self.router.ip("addr", "add", f"{lan4}.1/24", "dev", "lan0")
            self.router.ip("addr", "add", f"{LAN6}:1/64", "dev", "lan0")
            self.router.ip("link", "set", "lan0", "up")
            self.client = self.add_host("client", CLIENT)
            self.node = self.add_host("node", NODE, kind=Node, device=node_device)
            self.pods = self.add_pods(self.node)
        except BaseException:
            self.close()
            raise

    def add(self, host):
        self.hosts.append(host)
        return host

    def add_host(self, role, number, kind=Namespace, device="eth0"):
        """A host on the LAN, its device at 192.168.0.NUMBER and fd5a:0:0:1::NUMBER."""
        host = self.add(kind(role))
        self.plug(host, device)
        host.ip("addr", "add", f"{self.lan4}.{number}/24", "dev", device)
        host.ip("addr", "add", f"{LAN6}:{number}/64", "dev", device)
        host.ip("route", "add", "default", "via", f"{self.lan4}.1")
        return host

    def plug(self, host, device):
        """A cable from the host's device to the bridge. Its far end runs XDP, or a veth would drop
        what the near end's XDP program transmits."""
        self.ports += 1
        port = f"port{self.ports}"
        host.ip("link", "add", device, "type", "veth", "peer", "name", port, "netns", self.router.name)
        self.router.ip("link", "set", port, "master", "lan0", "up")
        self.router.ip("link", "set", "dev", port, "xdpdrv", "obj", self.pass_object, "sec", "xdp")
        host.ip("link", "set", device, "up")

    def add_pods(self, node):
        """One namespace that holds every pod's address, behind the node's cni0."""
        pods = self.add(Namespace("pods"))
        node.ip("link", "add", "cni0", "type", "veth", "peer", "name", "eth0", "netns", pods.name)
        node.ip("addr", "add", f"{POD4}.0.1/16", "dev", "cni0")
        node.ip("link", "set", "cni0", "up")
        pods.ip("link", "set", "eth0", "up")
        pods.ip("addr", "add", f"{POD4}.0.2/16", "dev", "eth0")
        pods.ip("route", "add", "default", "via", f"{POD4}.0.1")
        self.router.ip("route", "add", f"{POD4}.0.0/16", "via", f"{self.lan4}.{NODE}")
        return pods

    def add_pod_address(self):
        """A new pod's address."""
        self.pods_used += 1
        address = f"{POD4}.{self.pods_used // 250}.{self.pods_used % 250 + 1}"
        self.pods.ip("addr", "add", f"{address}/16", "dev", "eth0")
        return address

    def close(self):
        hosts, self.hosts = self.hosts, []
        for host in reversed(hosts):
            host.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def sweep():
    """Removes what a killed lab left: namespaces whose maker is gone."""
    for path in pathlib.Path("/run/netns").glob(f"{PREFIX}*-*"):
        maker = path.name[len(PREFIX):].split("-")[0]
        if not maker.isdigit() or pathlib.Path(f"/proc/{maker}").exists():
            continue
        for pid in run("ip", "netns", "pids", path.name, check=False).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        run("ip", "netns", "del", path.name, check=False)
