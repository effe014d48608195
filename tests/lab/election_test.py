"""Three gateways on one LAN: who answers for a VIP, and how soon another does when that one is gone."""
import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import QUICK, VIP, LabCase, main  # noqa: E402
from lab.gateway import Gateway, command_name, descendants, wait_until  # noqa: E402
from lab.network import Node  # noqa: E402

KILLS = 5 if QUICK else 50
CLIENT_IP = "192.168.0.99"
KEY = "lab-heartbeat-key-0123456789abcdef"
NUMBERS = {"n1": 150, "n2": 151, "n3": 152}


class Watch:
    """The answers to requests for the VIP, as arp_watch.py on the client notes them."""

    def __init__(self, network, folder, vip, interval_ms=5):
        self.path = folder / f"watch-{time.monotonic_ns()}.txt"
        script = pathlib.Path(__file__).resolve().parent / "lab" / "arp_watch.py"
        with self.path.open("w") as out:
            self.process = network.client.popen(sys.executable, "-B", script, "eth0", vip, CLIENT_IP, interval_ms, stdout=out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def answers(self, since=0.0):
        """[(time, mac, request)] after `since`."""
        found = []
        for line in self.path.read_text().splitlines():
            words = line.split()
            if len(words) == 3 and float(words[0]) >= since:
                found.append((float(words[0]), words[1], int(words[2])))
        return found

    def wait_for(self, mac, since, seconds=10):
        """When `mac` first answered after `since`."""
        def seen():
            return next((when for when, who, _ in self.answers(since) if who == mac), None)
        return wait_until(seen, seconds, f"an answer from {mac}")

    def wait_for_another(self, than, since, seconds=10):
        """(time, mac) of the first answer after `since` from somebody else."""
        def seen():
            return next(((when, who) for when, who, _ in self.answers(since) if who != than), None)
        return wait_until(seen, seconds, f"an answer from another than {than}")

    def longest_overlap(self):
        """Seconds for which answers of different machines were mixed, at the longest."""
        longest, begin, last = 0.0, None, {}
        for when, who, _ in self.answers():
            others = [seen for other, seen in last.items() if other != who]
            if others and when - max(others) < 0.02 and who in last and when - last[who] < 0.05:
                begin = begin or when
                longest = max(longest, when - begin)
            elif not others or when - max(others) >= 0.05:
                begin = None
            last[who] = when
        return longest


class Election(LabCase):
    START = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.folder / "heartbeat-key"
        cls.key.write_text(KEY + "\n")
        cls.key.chmod(0o600)
        cls.nodes = {"n1": cls.network.node}
        for name in ("n2", "n3"):
            cls.nodes[name] = cls.network.add_host(name, NUMBERS[name], kind=Node)
            # Pods are behind the first node.
            cls.nodes[name].ip("route", "add", "10.244.0.0/16", "via", "192.168.0.150")
        cls.macs = {name: node.mac("eth0") for name, node in cls.nodes.items()}
        cls.gateways = {name: cls.make_gateway(name, node) for name, node in cls.nodes.items()}

    @classmethod
    def make_gateway(cls, name, node, key=None):
        gateway = Gateway(cls.network, cls.bin, cls.manifests, cls.folder / f"{name}.log",
                          arguments=["--node", name, "--heartbeat-key", str(key or cls.key)], attach=cls.ATTACH)
        gateway.node = node
        return gateway

    @classmethod
    def tearDownClass(cls):
        for gateway in cls.gateways.values():
            with contextlib.suppress(TimeoutError):
                gateway.stop()
        super().tearDownClass()

    def setUp(self):
        for name in self.gateways:
            self.start(name)
        for name in self.gateways:
            self.wait_joined(name)

    def start(self, name):
        gateway = self.gateways[name]
        if gateway.process is None or gateway.process.poll() is not None:
            gateway.start()

    def metrics(self, name):
        with contextlib.suppress(Exception):
            return self.gateways[name].metrics()
        return {}

    def wait_joined(self, name):
        """Until it hears both others and stands for election."""
        def joined():
            found = self.metrics(name)
            alive = sum(v for k, v in found.items() if k.startswith("sluice_node_alive"))
            return alive == 3 and found.get(f'sluice_node_standing{{interface="eth0",node="{name}"}}', 0) >= 2
        try:
            wait_until(joined, 30, f"{name} to join")
        except TimeoutError as error:
            lines = "\n".join(f"{k} {v}" for k, v in self.metrics(name).items() if "node_" in k or "heartbeats" in k)
            raise TimeoutError(f"{error}\n{lines}\n{self.gateways[name].log_tail(20)}") from None

    def name_of(self, mac):
        return next(name for name, own in self.macs.items() if own == mac)

    def kill(self, name):
        """The whole of it at once, launcher first so that nothing is started again; when."""
        process = self.gateways[name].process
        pids = [process.pid, *descendants(process.pid)]
        when = time.monotonic()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        return when

    def wait_for_request(self, since):
        """Milliseconds from `since` until a client's request succeeds."""
        failures = []

        def succeeds():
            answer = self.get("/", "-m", "2")
            failures.append((answer.status, answer.error))
            return answer.status == 200
        try:
            wait_until(succeeds, 15, "a request to succeed")
        except TimeoutError as error:
            logs = "\n".join(f"{name}:\n{gateway.log_tail(8)}" for name, gateway in self.gateways.items())
            neighbour = self.network.client.ip("neigh", "show", VIP).stdout
            raise TimeoutError(f"{error}: {failures}\n{neighbour}{self.macs}\n{logs}") from None
        return round((time.monotonic() - since) * 1000)

    def owner(self, watch):
        since = time.monotonic()
        return wait_until(lambda: next((who for _, who, _ in watch.answers(since)), None), 10, "an owner")

    def test_1_each_vip_has_one_owner(self):
        with Watch(self.network, self.folder, VIP, 20) as watch:
            time.sleep(2.0)  # the time over which answers are collected
            self.assertEqual(len({who for _, who, _ in watch.answers()}), 1, watch.answers()[-5:])
        owners = [name for name in self.gateways
                  if self.metrics(name).get(f'sluice_vip_owned{{vip="{VIP}",interface="eth0"}}') == 1]
        self.assertEqual(len(owners), 1)
        self.assertEqual(self.get().status, 200)

    def test_2_another_answers_after_each_kill(self):
        took, client_took = [], []
        with Watch(self.network, self.folder, VIP) as watch:
            for _ in range(KILLS):
                owner = self.owner(watch)
                name = self.name_of(owner)
                killed = self.kill(name)
                when, successor = watch.wait_for_another(owner, killed)
                took.append(round((when - killed) * 1000))
                client_took.append(self.wait_for_request(killed))
                self.start(name)
                self.wait_joined(name)
                self.assertNotEqual(successor, owner)
            overlap = watch.longest_overlap()
        ordered = sorted(took)
        self.report(kills=KILLS, answered_again_ms={"p50": ordered[len(ordered) // 2], "p99": ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))],
                                                    "max": ordered[-1]},
                    took_ms=took, until_a_request_succeeded_ms=client_took, two_owners_ms=round(overlap * 1000))
        self.assertLess(ordered[-1], 1000)
        self.assertLess(overlap, 0.16)

    def test_3_a_stopped_process_loses_what_it_has_and_does_not_take_it_back(self):
        with Watch(self.network, self.folder, VIP) as watch:
            owner = self.owner(watch)
            agent = self.gateways[self.name_of(owner)].agent()
            os.kill(agent, signal.SIGSTOP)
            stopped = time.monotonic()
            when, successor = watch.wait_for_another(owner, stopped)
            time.sleep(1.0)  # how long it is stopped
            os.kill(agent, signal.SIGCONT)
            resumed = time.monotonic()
            time.sleep(1.0)  # would be enough for it to answer
            self.assertEqual({who for _, who, _ in watch.answers(when + 0.05)}, {successor}, f"stopped {stopped} resumed {resumed}")
            self.report(stopped_answered_again_ms=round((when - stopped) * 1000))
            self.assertLess(watch.longest_overlap(), 0.16)
        self.wait_joined(self.name_of(owner))

    def test_4_a_minority_falls_silent_and_the_majority_answers(self):
        with Watch(self.network, self.folder, VIP) as watch:
            owner = self.owner(watch)
            name = self.name_of(owner)
            node = self.nodes[name]
            # Heartbeats alone are cut: its ARP would still be heard.
            node.run("nft", "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; "
                            "add chain inet cut out { type filter hook output priority 0; }; "
                            "add rule inet cut in udp dport 9466 drop; add rule inet cut out udp dport 9466 drop")
            cut = time.monotonic()
            try:
                when, successor = watch.wait_for_another(owner, cut)
                time.sleep(1.0)  # the partition lasts
                self.assertEqual({who for _, who, _ in watch.answers(when + 0.2)}, {successor})
                self.assertEqual(self.metrics(name)[f'sluice_vip_owned{{vip="{VIP}",interface="eth0"}}'], 0)
            finally:
                node.run("nft", "delete", "table", "inet", "cut")
            self.report(partition_answered_again_ms=round((when - cut) * 1000))
            self.assertLess(watch.longest_overlap(), 0.16)
        self.wait_joined(name)

    def test_4b_a_planned_stop_hands_over_first(self):
        with Watch(self.network, self.folder, VIP) as watch:
            owner = self.owner(watch)
            gateway = self.gateways[self.name_of(owner)]
            began = time.monotonic()
            gateway.process.send_signal(signal.SIGTERM)
            when, successor = watch.wait_for_another(owner, began)
            gateway.process.wait(60)
            time.sleep(1.0)  # the time over which answers are collected
            times = [seen for seen, _, _ in watch.answers(began)]
            gap = max(later - sooner for sooner, later in zip(times, times[1:], strict=False))
            self.assertEqual({who for _, who, _ in watch.answers(when + 0.05)}, {successor})
        self.report(handed_over_after_ms=round((when - began) * 1000), longest_silence_ms=round(gap * 1000))
        self.assertLess(when - began, 0.12, "it waited until the owner's deadline had passed")
        self.assertLess(gap, 0.15)

    def test_5_a_node_with_another_key_is_ignored_and_counted(self):
        wrong = self.folder / "wrong-key"
        wrong.write_text("another-heartbeat-key-0123456789\n")
        wrong.chmod(0o600)
        before = self.metrics("n1")['sluice_heartbeats_total{interface="eth0",result="foreign"}']
        # A stranger without VIPs of its own: only its heartbeats are heard.
        stranger = self.network.add_host("stranger", 160, kind=Node)
        empty = self.folder / "no-manifests"
        empty.mkdir()
        gateway = self.make_gateway("stranger", stranger, wrong)
        gateway.manifests = empty
        gateway.start()
        try:
            wait_until(lambda: self.metrics("n1")['sluice_heartbeats_total{interface="eth0",result="foreign"}'] > before, 15,
                       "a foreign heartbeat to be counted")
            self.assertNotIn("stranger", str(self.metrics("n1")))
            self.assertIn("signed with no key of ours", gateway.log.read_text())
        finally:
            gateway.stop()
        for name in self.gateways:
            self.wait_joined(name)

    def test_6_heartbeats_that_crossed_a_router_are_dropped(self):
        before = self.metrics("n1")['sluice_heartbeats_total{interface="eth0",result="routed"}']
        self.network.client.run(sys.executable, "-c",
                                "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
                                "s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 64); "
                                f"s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('{CLIENT_IP}')); "
                                "s.sendto(b'SLHB' + bytes(60), ('224.0.0.254', 9466))")
        wait_until(lambda: self.metrics("n1")['sluice_heartbeats_total{interface="eth0",result="routed"}'] > before, 5,
                   "the datagram to be counted")


if __name__ == "__main__":
    main()
