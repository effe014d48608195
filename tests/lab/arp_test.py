"""ARP on the LAN: who answers for a VIP, and who must not."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import VIP, LabCase, main  # noqa: E402
from lab.client import arping  # noqa: E402


class Arp(LabCase):
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
        sniffer = self.network.client.popen("tcpdump", "-nn", "-l", "-i", "eth0", "arp",
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(sniffer.stdout.close)
        self.addCleanup(sniffer.stderr.close)
        sniffer.stderr.readline()  # it listens
        self.network.node.ip("neigh", "flush", "dev", "eth0")
        self.network.client.ip("neigh", "flush", "dev", "eth0")
        self.assert_status(self.get(), 200)
        self.network.node.ip("neigh", "flush", "dev", "eth0")
        self.assert_status(self.get(), 200)
        self.network.node.run("ping", "-c", "1", "-W", "2", "-I", VIP, "192.168.0.99", check=False)
        sniffer.terminate()
        seen = sniffer.stdout.read()
        sniffer.wait()
        self.assertIn("192.168.0.150", seen, "the kernel asked nothing: the test shows nothing")
        self.assertEqual(re.findall(rf"who-has 192\.168\.0\.99.* tell {re.escape(VIP)}\b", seen), [], seen)

    def test_announces_with_gratuitous_arp_at_takeover(self):
        self.assertGreaterEqual(self.gateway.verdicts(VIP)["announced"], 1)


if __name__ == "__main__":
    main()
