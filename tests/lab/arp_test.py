"""ARP on the LAN: who answers for a VIP, and who must not."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import VIP, LabCase, main  # noqa: E402
from lab.client import arping  # noqa: E402
from lab.gateway import wait_until  # noqa: E402


class Arp(LabCase):
    MODE = "xdp"

    def test_the_device_is_served_as_asked(self):
        device = next(line for line in self.gateway.gwctl("status").stdout.splitlines() if line.startswith("eth0"))
        self.assertEqual(device.split()[1], self.MODE)

    def test_answers_for_the_vip_with_the_nodes_address(self):
        before = self.gateway.verdicts(VIP)["arp_answered"]
        answers = arping(self.network.client, VIP, count=3)
        self.assertEqual(set(answers), {self.network.node.mac("eth0")})
        self.assertEqual(self.gateway.verdicts(VIP)["arp_answered"] - before, 3)

    def test_is_silent_for_addresses_that_are_no_vip(self):
        self.assertEqual(arping(self.network.client, "192.168.0.201"), [])

    def test_the_nodes_own_address_is_the_kernels(self):
        self.assertEqual(arping(self.network.client, "192.168.0.150"), [self.network.node.mac("eth0")])

    def test_the_kernel_never_speaks_as_the_vip(self):
        """The node opens connections from the VIP (its answers do); asked who has the client, the
        kernel must sign with the node's own address."""
        seen = self.folder / "arp.txt"
        with seen.open("w") as out:
            sniffer = self.network.client.popen("tcpdump", "-nn", "-l", "--immediate-mode", "-i", "eth0", "arp", stdout=out,
                                                stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: "listening on" in seen.read_text(), 5, "tcpdump")
            for host in (self.network.node, self.network.client):
                host.ip("neigh", "flush", "dev", "eth0")
            self.assert_status(self.get(), 200)
            self.network.node.ip("neigh", "flush", "dev", "eth0")
            self.network.node.run("ping", "-c", "1", "-W", "2", "-I", VIP, "192.168.0.99", check=False)
            wait_until(lambda: "tell 192.168.0.150" in seen.read_text(), 5, "a question of the node's kernel")
        finally:
            sniffer.terminate()
            sniffer.wait()
        self.assertEqual(re.findall(rf"who-has 192\.168\.0\.99.* tell {re.escape(VIP)}\b", seen.read_text()), [])

    def test_announces_with_gratuitous_arp_at_takeover(self):
        self.assertGreaterEqual(self.gateway.verdicts(VIP)["announced"], 1)


class ArpByTcx(Arp):
    """The same on a device that cannot have XDP."""
    ATTACH = MODE = "tcx"


if __name__ == "__main__":
    main()
