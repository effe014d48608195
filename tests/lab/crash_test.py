"""Death and return of the processes: what is lost, and for how long."""
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import QUICK, VIP, LabCase, main  # noqa: E402
from lab.client import Load, arping  # noqa: E402
from lab.gateway import wait_until  # noqa: E402

KILLS = 5 if QUICK else 20
STABLE = 1.1  # seconds; the supervisor takes an earlier death for a crash loop


def seconds_since_boot():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def started_at(pid):
    """In seconds since boot, as proc(5) field 22 has it."""
    ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return int(ticks) / os.sysconf("SC_CLK_TCK")


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
        """At once, however often it dies, as long as it lived for a second: that is no crash loop."""
        started, took = [], []
        for _ in range(KILLS):
            pid = self.gateway.proxy()
            wait_until(lambda: seconds_since_boot() - started_at(pid) > STABLE, 5, "the proxy to be stable")
            killed = seconds_since_boot()
            self.gateway.kill(pid)
            took.append(self.wait_for_answer())
            self.assertNotEqual(self.gateway.proxy(), pid)
            started.append(round((started_at(self.gateway.proxy()) - killed) * 1000))
            self.assert_arp_answered()
        self.report(proxy_kills=KILLS, started_after_ms=started, answers_after_ms=took)
        self.assertLess(max(started), 50)
        self.assertLess(max(took), 1000)  # the client's own start included

    def test_tls_sessions_outlive_the_proxy(self):
        """The agent gives each proxy the secret that its ticket keys are made of."""
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version=version):
                ticket = self.folder / f"ticket{version}.pem"
                self.assertEqual(self.handshake(version, "-sess_out", ticket), "New")
                self.gateway.kill(self.gateway.proxy())
                self.wait_for_answer()
                self.assertEqual(self.handshake(version, "-sess_in", ticket), "Reused")

    def handshake(self, *options):
        """Whether a session was "New" or "Reused". The request makes openssl stay for the ticket."""
        request = f"GET / HTTP/1.1\r\nHost: {self.HOST}\r\nConnection: close\r\n\r\n"
        done = self.network.client.run("openssl", "s_client", "-connect", f"{VIP}:443", "-servername", self.HOST, "-ign_eof",
                                       *options, stdin=request, check=False)
        self.assertIn("HTTP/1.1 200", done.stdout, done.stderr)
        return re.search(r"^(New|Reused), TLSv", done.stdout, re.M).group(1)

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
