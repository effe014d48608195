"""Death and return of the processes: what is lost, and for how long."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import QUICK, VIP, LabCase, main  # noqa: E402
from lab.client import Load, arping  # noqa: E402
from lab.gateway import wait_until  # noqa: E402

KILLS = 5 if QUICK else 20


class Crash(LabCase):
    def wait_for_answer(self):
        start = time.monotonic()
        wait_until(lambda: self.get("/", "-m", "2").status == 200, 10, "an answer")
        return round((time.monotonic() - start) * 1000)

    def assert_arp_answered(self):
        """At least one of three requests: a busy machine may lose one, as a LAN may."""
        self.assertEqual(set(arping(self.network.client, VIP, count=3)), {self.network.node.mac("eth0")},
                         self.gateway.log_tail())

    def test_the_proxy_returns_after_each_kill(self):
        took = []
        for _ in range(KILLS):
            pid = self.gateway.proxy()
            self.gateway.kill(pid)
            took.append(self.wait_for_answer())
            self.assert_arp_answered()
            self.assertNotEqual(self.gateway.proxy(), pid)
        # Kills in quick succession are a crash loop to the supervisor, whose pause grows to 1 s.
        self.report(proxy_kills=KILLS, answers_after_ms=took)
        self.assertLess(took[0], 500)
        self.assertLess(max(took), 3000)

    def test_nothing_is_lost_when_the_agent_dies(self):
        """Requests flow and ARP is answered while the agent is killed again and again."""
        seconds = 1.5 * KILLS + 1
        with Load(self.network.client, VIP, f"https://{self.HOST}/", round(seconds), http2=True, clients=4, rps=200) as h2, \
                Load(self.network.client, VIP, f"https://{self.HOST}/", round(seconds), http2=False, clients=4, rps=200) as h1:
            for _ in range(KILLS):
                pid = self.gateway.agent()
                self.gateway.kill(pid)
                self.assert_arp_answered()
                wait_until(lambda: self.gateway.pids("sluice-agent") not in ([], [pid]), 10, "a new agent")
                self.gateway.wait_alive()
        self.assertEqual((h2.result.failed, h1.result.failed), (0, 0), f"{h2.result.text}\n{h1.result.text}")
        self.wait_for_answer()

    def test_a_new_agent_takes_up_changes(self):
        from lab import manifests as m
        self.gateway.kill(self.gateway.agent())
        self.write("10-test.yaml", m.http_route("app", [self.HOST], m.rule(("b", 80)), section="https"))
        wait_until(lambda: self.get().pod == "b", 15, "the route that was changed while the agent was away")


if __name__ == "__main__":
    main()
