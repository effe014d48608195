"""Sluice on the lab's node: the launcher, which starts agent and proxy."""
import collections
import os
import pathlib
import re
import signal
import subprocess
import time

from lab.network import CommandFailed

AGENT, PROXY, LAUNCHER, GWCTL = "sluice-agent", "sluice-proxy", "sluice", "gwctl"
AGENT_METRICS, PROXY_METRICS = "127.0.0.1:9464", "127.0.0.1:9465"


def wait_until(condition, seconds, what):
    """The first true value of condition(); TimeoutError names what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def descendants(pid):
    found = []
    for child in children(pid):
        found += [child, *descendants(child)]
    return found


def command_name(pid):
    try:
        return os.path.basename(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode())
    except FileNotFoundError:
        return ""


def status_field(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1].strip()
    return None


def resident_kb(pid):
    return int(status_field(pid, "VmRSS").split()[0])


class Gateway:
    """One Sluice. Everything that it says goes to `log`.

    `attach`: by itself Sluice serves a veth by tcx, as it cannot see whether the far end runs XDP; the
    cables of a Network do, so XDP is asked for.
    """

    def __init__(self, network, bin_folder, manifests, log, interface="eth0", arguments=(), attach="xdp"):
        self.network = network
        self.node = network.node
        self.bin = pathlib.Path(bin_folder)
        self.manifests = pathlib.Path(manifests)
        self.log = pathlib.Path(log)
        self.interface = interface
        self.arguments = ["--attach", attach, *arguments]
        self.prefix = ()  # of the launcher's command, such as prlimit
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = self.node.popen(*self.prefix, self.bin / LAUNCHER, "--manifests", self.manifests, "--interface",
                                           self.interface, "--state-dir", "/run/sluice-state", *self.arguments, stdout=log, stderr=subprocess.STDOUT)
        return self

    def wait_serving(self, vip="192.168.0.200", port=80, seconds=20):
        """Until a client on the LAN gets an HTTP answer."""
        def answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"sluice ended with status {self.process.returncode}:\n{self.log_tail()}")
            url = f"http://{vip if ':' not in vip else f'[{vip}]'}:{port}/"
            done = self.network.client.run("curl", "-s", "-o", "/dev/null", "-m", "1", "-w", "%{http_code}", url, check=False)
            return done.stdout not in ("", "000")
        try:
            wait_until(answers, seconds, f"an answer from {vip}:{port}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log_tail()}") from None
        return self

    def wait_alive(self, seconds=10):
        """Until the agent has heard from every worker: from then on ARP is answered whoever dies."""
        def heard():
            try:
                return self.metrics().get("sluice_liveness_answers_total", 0) > 0
            except CommandFailed:
                return False  # a new agent that does not listen yet
        wait_until(heard, seconds, "the agent to hear from the proxy")
        return self

    def log_tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def pids(self, name):
        """Processes of that program below the launcher, oldest first."""
        return [pid for pid in descendants(self.process.pid) if command_name(pid) == name]

    def agent(self):
        return wait_until(lambda: self.pids(AGENT), 5, "a running agent")[0]

    def proxy(self):
        """The process that serves: the last of the proxies (a supervisor comes before it)."""
        return wait_until(lambda: self.pids(PROXY), 5, "a running proxy")[-1]

    def kill(self, pid, seconds=5):
        """SIGKILL, and the end of that process."""
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists(), seconds, f"the end of process {pid}")

    def metrics(self, address=AGENT_METRICS):
        """{series as written: value}"""
        text = self.node.run("curl", "-sS", "-m", "5", f"http://{address}/metrics").stdout
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {series: float(value) for series, value in lines}

    def verdicts(self, vip):
        """{reason: count} of the packets for that VIP that the BPF programs decided on."""
        form = re.compile(r'sluice_vip_packets_total\{vip="([^"]+)",reason="([^"]+)"\}')
        found = ((form.fullmatch(series), value) for series, value in self.metrics().items())
        return collections.defaultdict(int, {m.group(2): int(value) for m, value in found if m and m.group(1) == vip})

    def gwctl(self, *arguments, check=True):
        return self.node.run(self.bin / GWCTL, *arguments, check=check)

    def detach(self, check=True):
        return self.node.run(self.bin / AGENT, "--detach", check=check)

    def stop(self, seconds=15):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            sockets = self.node.run("ss", "-tnp").stdout
            for pid in [self.process.pid, *descendants(self.process.pid)]:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
            raise TimeoutError(f"sluice did not stop within {seconds} s\n{sockets}\n{self.log_tail(10)}") from None
