"""The loads: what each asks of a proxy, and how many requests came back good."""
import dataclasses
import json
import re
import subprocess

from proxies import PLAIN, TLS

LOAD_CPU = "1"
HOST = "bench.example.test"
SMALL_BYTES, LARGE_BYTES = 12, 1 << 20


@dataclasses.dataclass(frozen=True)
class Load:
    name: str
    text: str
    tool: str          # wrk, h2load or bench-client
    tls: bool = False
    path: str = "/"
    mode: str = ""     # of bench-client
    syscalls: bool = True


LOADS = (
    Load("h1", "HTTP/1.1, 64 connections", "wrk"),
    Load("h1-tls", "HTTP/1.1 TLS, 64 connections", "wrk", tls=True),
    Load("h2", "HTTP/2 TLS, 8 x 32 streams", "h2load", tls=True),
    Load("connect", "new TCP connection", "bench-client", mode="connect"),
    Load("full", "full TLS handshake", "bench-client", tls=True, mode="full"),
    Load("resume", "resumed TLS handshake", "bench-client", tls=True, mode="resume"),
    Load("1m", "1 MB download", "wrk", path="/1m"),
    Load("1m-tls", "1 MB download TLS", "wrk", tls=True, path="/1m"),
)


class LoadFailed(Exception):
    pass


class Generator:
    """Runs a load in the namespace on the load's CPU."""

    def __init__(self, namespace, programs):
        self.namespace = namespace
        self.programs = programs

    def url(self, load):
        return f"{'https' if load.tls else 'http'}://127.0.0.1:{TLS if load.tls else PLAIN}{load.path}"

    def run(self, load, seconds):
        """The number of requests that were answered with 200; LoadFailed if one was not."""
        words = getattr(self, load.tool.replace("-", "_"))(load, seconds)
        done = self.namespace.run("taskset", "-c", LOAD_CPU, *words, check=False, timeout=seconds + 60)
        count, failed = parse(load.tool, done.stdout)
        if failed or not count:
            raise LoadFailed(f"{failed} of {count} requests failed:\n{done.stdout}{done.stderr}")
        if load.mode == "resume" and json.loads(done.stdout)["resumed"] < 0.9 * count:
            raise LoadFailed(f"the proxy did not resume sessions: {done.stdout}")
        return count

    def wrk(self, load, seconds):
        connections = 8 if load.path != "/" else 64
        return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Host: {HOST}", self.url(load)]

    def h2load(self, load, seconds):
        return ["h2load", "-t1", "-c8", "-m32", "-D", str(seconds), f"--connect-to=127.0.0.1:{TLS}", f"https://{HOST}{load.path}"]

    def bench_client(self, load, seconds):
        return [self.programs.own("bench-client"), load.mode, "127.0.0.1", TLS if load.tls else PLAIN, seconds, 16]

    def hold_idle(self, tls, count):
        """A process that holds so many connections until its standard input is closed."""
        process = self.namespace.popen("taskset", "-c", LOAD_CPU, self.programs.own("bench-client"), "idle-tls" if tls else "idle",
                                       "127.0.0.1", TLS if tls else PLAIN, count, 1,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline().split()
        return process, int(line[1]) if line[:1] == ["holding"] else 0

    def verify(self, load):
        """The answer of one request, looked at: status, size and protocol."""
        size = LARGE_BYTES if load.path == "/1m" else SMALL_BYTES
        url = f"{'https' if load.tls else 'http'}://{HOST}:{TLS if load.tls else PLAIN}{load.path}"
        done = self.namespace.run("curl", "-sk", "--http2" if load.tool == "h2load" else "--http1.1", "-o", "/dev/null",
                                  "-w", "%{http_code} %{size_download} %{http_version}", "--connect-to",
                                  f"{HOST}::127.0.0.1:", url, check=False)
        wanted = f"200 {size} {'2' if load.tool == 'h2load' else '1.1'}"
        if done.stdout != wanted:
            raise LoadFailed(f"{load.name}: answered '{done.stdout}' instead of '{wanted}'")


def parse(tool, text):
    """(requests answered, requests failed)"""
    if tool == "wrk":
        count = re.search(r"(\d+) requests in", text)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        failed = sum(map(int, errors.groups())) if errors else 0
        return int(count.group(1)) if count else 0, failed + (int(bad.group(1)) if bad else 0)
    if tool == "h2load":
        found = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
        if not found:
            return 0, 0
        done, _, failed, errored, timeout = map(int, found.groups())
        return done, failed + errored + timeout
    found = re.search(r"\{.*\}", text)
    values = json.loads(found.group(0)) if found else {"requests": 0, "failed": 0}
    return values["requests"], values["failed"]
