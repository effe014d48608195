"""IPv6 neighbour discovery for a VIP."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import VIP6, LabCase, main  # noqa: E402
from lab.client import Client, ndisc  # noqa: E402


class Ndp(LabCase):
    def test_answers_multicast_solicitations(self):
        self.assertEqual(ndisc(self.network.client, VIP6), self.network.node.mac("eth0"))

    def test_is_silent_for_addresses_that_are_no_vip(self):
        self.assertIsNone(ndisc(self.network.client, "fd5a:0:0:1::201"))

    def test_serves_over_ipv6(self):
        client = Client(self.network.client, self.authority, vip=f"[{VIP6}]")
        for http2 in (True, False):
            with self.subTest(http2=http2):
                answer = client.get(f"https://{self.HOST}/", http2=http2)
                self.assertEqual((answer.status, answer.pod), (200, "a"), answer)

    def test_duplicate_address_detection_finds_the_vip_taken(self):
        client = self.network.client
        client.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
        client.sysctl("net.ipv6.conf.eth0.dad_transmits", 1)
        client.ip("addr", "add", f"{VIP6}/64", "dev", "eth0")
        try:
            client.run("sh", "-c", "for i in $(seq 100); do ip -6 addr show dev eth0 | grep -qE 'dadfailed' && exit 0; sleep 0.05; done; exit 1")
        finally:
            client.ip("addr", "del", f"{VIP6}/64", "dev", "eth0")


if __name__ == "__main__":
    main()
