"""Starts that cannot work: what is missing is named, and nothing spins."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import VIP, LabCase, main  # noqa: E402
from lab.client import arping  # noqa: E402
from lab.gateway import AGENT, LAUNCHER, wait_until  # noqa: E402


class BadStart(LabCase):
    START = False

    def agent(self, *arguments, prefix=()):
        """An agent that is expected to end by itself: (exit status, what it said)."""
        self.network.node.run("mkdir", "-p", "/run/sluice")
        done = self.network.node.run(*prefix, self.bin / AGENT, "--run-dir", "/run/sluice", "--state-dir", "/run/state",
                                     *arguments, check=False, timeout=20)
        return done.returncode, done.stdout + done.stderr

    def test_what_is_missing_is_named(self):
        rows = (
            ("interface", ("--manifests", self.manifests, "--interface", "nosuch0"), (), "nosuch0"),
            ("manifests", ("--manifests", self.folder / "nowhere", "--interface", "eth0"), (), str(self.folder / "nowhere")),
            ("arguments", ("--interface", "eth0"), (), "--manifests"),
            ("CAP_BPF", ("--manifests", self.manifests, "--interface", "eth0"),
             ("setpriv", "--bounding-set", "-bpf,-sys_admin"), "CAP_BPF"),
            ("CAP_NET_ADMIN", ("--manifests", self.manifests, "--interface", "eth0"),
             ("setpriv", "--bounding-set", "-net_admin,-sys_admin"), "CAP_NET_ADMIN"),
        )
        for name, arguments, prefix, said in rows:
            with self.subTest(missing=name):
                status, text = self.agent(*arguments, prefix=prefix)
                self.assertNotEqual(status, 0, text)
                self.assertIn(said, text)

    def test_a_failed_start_leaves_the_vip_alone(self):
        self.agent("--manifests", self.manifests, "--interface", "nosuch0")
        self.assertEqual(arping(self.network.client, VIP), [])

    def test_a_proxy_that_crashes_in_a_loop_is_started_ever_more_slowly(self):
        arguments = self.gateway.arguments
        self.gateway.arguments = [*arguments, "--proxy-program", "/bin/false"]
        self.gateway.start()
        try:
            time.sleep(3.0)  # the interval over which starts are counted
            starts = self.gateway.log.read_text().count("started sluice-proxy")
            self.assertGreater(starts, 3)
            self.assertLess(starts, 15)
            self.assertEqual(len(self.gateway.pids(AGENT)), 1)
            self.assertEqual(arping(self.network.client, VIP), [], "no proxy answers, so nobody may announce")
        finally:
            self.gateway.stop()
            self.gateway.detach()
            self.gateway.arguments = arguments

    def test_the_launcher_needs_root(self):
        done = self.network.node.run("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", self.bin / LAUNCHER,
                                     "--manifests", self.manifests, "--interface", "eth0", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("root", done.stderr)


class Alone(LabCase):
    """sluice-proxy on a file, without an agent: what it refuses, and what it serves on."""
    START = False
    SNAPSHOT = """
listeners {{ id: "lab/gateway/http" addresses: "192.168.0.150" port: 8080 }}
hosts {{ listener_id: "lab/gateway/http" matches {{ path: "/" rule_id: "{rule}" }} }}
rules {{ id: "HTTPRoute/lab/all/0" route: "lab/all" backends {{ weight: 1 cluster_id: "lab/a:80" }} }}
clusters {{ id: "lab/a:80" }}
endpoints {{ cluster_id: "lab/a:80" endpoints {{ address: "{address}" port: 8080 }} }}
"""

    def say(self, rule="HTTPRoute/lab/all/0", pod="a"):
        (self.folder / "snapshot").write_text(self.SNAPSHOT.format(rule=rule, address=self.pods.addresses[pod]))

    def pod(self):
        done = self.network.client.run("curl", "-s", "-m", "2", "-D", "-", "-o", "/dev/null", "http://192.168.0.150:8080/", check=False)
        return next((line.split(":")[1].strip() for line in done.stdout.splitlines() if line.lower().startswith("x-pod")), None)

    def test_an_invalid_generation_is_refused_and_the_last_one_serves_on(self):
        self.say()
        log = self.folder / "proxy.log"
        with log.open("wb") as out:
            proxy = self.network.node.popen(self.bin / "sluice-proxy", "--snapshot", self.folder / "snapshot", "--listen",
                                            "lab/gateway/http=192.168.0.150:8080", stdout=out, stderr=out)
        try:
            wait_until(lambda: self.pod() == "a", 10, "an answer")
            self.say(rule="HTTPRoute/lab/absent/0")
            proxy.send_signal(1)
            wait_until(lambda: "serves on" in log.read_text(), 5, "a refusal in the log")
            self.assertEqual(self.pod(), "a")
            self.say(pod="b")
            proxy.send_signal(1)
            wait_until(lambda: self.pod() == "b", 5, "the repaired generation")
        finally:
            proxy.terminate()
            proxy.wait(10)


if __name__ == "__main__":
    main()
