#!/usr/bin/env python3
"""The steps of docs/migration.md on the lab's LAN: an address moves from an older gateway on the same
node to Sluice, and no request fails.

The older gateway is made of the kernel's parts: proxy ARP answers for the address, as an announcer
behind XDP would, and a rule for destinations takes its connections before any socket sees them, to
the pod "b". Sluice's routes lead to the pod "a".
"""
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

from lab import manifests as m  # noqa: E402
from lab.case import LabCase, main  # noqa: E402
from lab.client import Client, arping  # noqa: E402
from lab.gateway import wait_until  # noqa: E402

ADDRESS, TEST_ADDRESS = "192.168.0.200", "192.168.0.201"
HOST = "app.example.test"


class OldGateway:
    def __init__(self, node, pod, port):
        self.node = node
        node.sysctl("net.ipv4.neigh.eth0.proxy_delay", 0)
        node.ip("route", "add", f"{ADDRESS}/32", "dev", "cni0")
        node.ip("neigh", "add", "proxy", ADDRESS, "dev", "eth0")
        node.run("nft", "-f", "-", stdin=f"""
table ip old {{
  chain prerouting {{
    type nat hook prerouting priority dstnat
    ip daddr {ADDRESS} tcp dport 80 dnat to {pod}:{port}
  }}
}}
""")

    def stop_announcing(self):
        self.node.ip("neigh", "del", "proxy", ADDRESS, "dev", "eth0")

    def stop_serving(self):
        self.node.run("nft", "delete", "table", "ip", "old")
        self.node.ip("route", "del", f"{ADDRESS}/32", "dev", "cni0")


class Requests:
    """One after the other, each with a connection of its own; a context manager."""

    def __init__(self, client):
        self.client = client
        self.answers = []  # (pod, status, curl's exit status, seconds)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopping.is_set():
            answer = self.client.get(f"http://{HOST}/", "-m", "10", http2=False)
            self.answers.append((answer.pod, answer.status, answer.curl_status, round(answer.seconds, 3)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def failed(self):
        return [answer for answer in self.answers if answer[1:3] != (200, 0)]

    def wait_for_more(self, count=10):
        wanted = len(self.answers) + count
        wait_until(lambda: len(self.answers) >= wanted, 20, f"{count} more answers")

    def wait_for_pod(self, pod):
        wait_until(lambda: self.answers and self.answers[-1][0] == pod, 10, f"an answer from {pod}")


class Migration(LabCase):
    START = False

    @classmethod
    def base_objects(cls):
        return [m.gateway_class(), *cls.addressed(TEST_ADDRESS),
                *[made for name, port in cls.PODS.items() for made in (
                    m.service(name, 80, target_port=port), m.endpoint_slice(name, [cls.pods.addresses[name]], port))]]

    @classmethod
    def objects(cls):
        return [m.http_route("app", [HOST], m.rule(("a", 80)), section="http")]

    @classmethod
    def addressed(cls, *addresses):
        """Gateway and pools that have these and no others."""
        return [*(m.address_pool(address, name=f"pool-{address.rpartition('.')[2]}") for address in addresses),
                m.gateway(m.listener("http", 80, "HTTP"), addresses=addresses)]

    def owner(self, address):
        return arping(self.network.client, address, count=1)

    def test_an_address_moves_without_a_gap(self):
        node = self.network.node
        self.network.client.ip("neigh", "flush", "dev", "eth0")
        old = OldGateway(node, self.pods.addresses["b"], self.pods.ports["b"])
        reached = Client(self.network.client, vip=ADDRESS)
        tested = Client(self.network.client, vip=TEST_ADDRESS)
        with Requests(reached) as requests:
            requests.wait_for_pod("b")  # step 1: what is there

            self.gateway.start().wait_serving(TEST_ADDRESS).wait_alive()  # steps 2 to 5: the test address
            self.assertEqual(tested.get(f"http://{HOST}/", http2=False).pod, "a")
            self.assertEqual(self.owner(ADDRESS), [node.mac("eth0")])
            requests.wait_for_more()
            self.assertEqual({pod for pod, *_ in requests.answers}, {"b"})

            self.write("00-base.yaml", *self.moved())  # step 6: the announcement
            wait_until(lambda: self.gateway.verdicts(ADDRESS)["announced"] > 0, 5, "Sluice to announce the address")
            old.stop_announcing()
            self.network.client.ip("neigh", "flush", "dev", "eth0")
            requests.wait_for_more()
            self.assertEqual(requests.answers[-1][0], "b")
            self.assertEqual(self.owner(ADDRESS), [node.mac("eth0")])

            old.stop_serving()  # step 7
            requests.wait_for_pod("a")
            requests.wait_for_more()
        # The gateway that goes is a stand-in that ends without a drain: whom it was answering, it cuts off.
        self.assertLessEqual(len(requests.failed()), 1, f"{requests.failed()} of {len(requests.answers)}\n{self.gateway.log_tail()}")
        self.assertEqual(len({pod for pod, *_ in requests.answers}), 2)
        self.report(requests=len(requests.answers), slowest_seconds=max(seconds for *_, seconds in requests.answers))

    def moved(self):
        first = self.base_objects()
        kept = [o for o in first if o["kind"] not in ("Gateway", "AddressPool")]
        return [*kept, *self.addressed(ADDRESS, TEST_ADDRESS)]


if __name__ == "__main__":
    main()
