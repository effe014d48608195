"""What a client on the LAN does: single requests with curl, load with h2load."""
import dataclasses
import json
import re
import subprocess

from lab.network import run

MARK = "\n--curl--"


@dataclasses.dataclass
class Answer:
    status: int
    protocol: str      # "1.1" or "2"
    headers: dict      # lower-case names; the last one of a name
    body: str          # with trailers behind it, if there are any
    size: int          # of the body alone, as transferred
    seconds: float
    curl_status: int   # 0: all went well
    error: str

    def json(self):
        return json.loads(self.body)

    @property
    def pod(self):
        return self.headers.get("x-pod")


class Client:
    """Requests from a host to a VIP. Names are resolved to the VIP; the CA is the lab's."""

    def __init__(self, host, authority=None, vip="192.168.0.200"):
        self.host = host
        self.authority = authority
        self.vip = vip

    def words(self, url, http2, headers, options):
        name, port = re.match(r"https?://([^/:]+|\[[^]]+\])(?::(\d+))?", url).groups()
        port = port or ("443" if url.startswith("https") else "80")
        words = ["curl", "-sS", "-i", "-m", "20", "--http2" if http2 else "--http1.1", "-w",
                 MARK + "%{http_code} %{http_version} %{time_total} %{size_download}", "--resolve", f"{name}:{port}:{self.vip}"]
        if self.authority:
            words += ["--cacert", str(self.authority.certificate)]
        for header in headers:
            words += ["-H", header]
        return [*words, *options, url]

    def get(self, url, *options, http2=True, headers=()):
        """One request; `options` are curl's. Never raises for what the gateway answers."""
        done = self.host.run(*self.words(url, http2, headers, options), check=False, timeout=120)
        text, _, summary = done.stdout.rpartition(MARK)
        status, protocol, seconds, size = (summary.split() + ["0"] * 4)[:4]
        text = text.replace("\r\n", "\n")
        head, _, body = text.partition("\n\n")
        while re.match(r"HTTP/[\d.]+ 1\d\d", head) and "101" not in head.split("\n")[0]:
            head, _, body = body.partition("\n\n")
        fields = [line.split(":", 1) for line in head.split("\n")[1:] if ":" in line]
        return Answer(int(status), protocol, {name.lower(): value.strip() for name, value in fields}, body,
                      int(size), float(seconds), done.returncode, done.stderr.strip())


@dataclasses.dataclass
class LoadResult:
    requests: int
    succeeded: int     # answered with 2xx or 3xx
    failed: int        # everything else: errors, time-outs, 4xx, 5xx
    text: str


class Load:
    """A steady load in the background by h2load: a context manager; `result` is there afterwards."""

    def __init__(self, host, vip, url, seconds, http2=True, clients=8, rps=None):
        port = 443 if url.startswith("https") else 80
        words = ["h2load", "-D", str(seconds), "-c", str(clients), "-t", "1", f"--connect-to={vip}:{port}"]
        if not http2:
            words.append("--h1")
        if rps:
            words.append(f"--rps={rps / clients}")
        self.words = [*words, url]
        self.host = host
        self.seconds = seconds
        self.result = None

    def __enter__(self):
        self.process = self.host.popen(*self.words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self

    def __exit__(self, *_):
        self.wait()

    def wait(self):
        text, _ = self.process.communicate(timeout=self.seconds + 60)
        self.result = parse_h2load(text)
        return self.result


def parse_h2load(text):
    counts = re.search(r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, "
                       r"(\d+) errored, (\d+) timeout", text)
    if not counts:
        raise RuntimeError(f"h2load said:\n{text}")
    _, _, done, succeeded, failed, errored, timeout = map(int, counts.groups())
    return LoadResult(done, succeeded, failed + errored + timeout, text)


def arping(host, address, count=1, device="eth0"):
    """The link-layer addresses that answered, one request each 200 ms."""
    done = host.run("arping", "-c", str(count), "-W", "0.2", "-w", "2", "-I", device, address, check=False)
    return re.findall(r"from ([0-9a-f:]{17})", done.stdout)


def ndisc(host, address, device="eth0"):
    """The link-layer address that answered a neighbour solicitation; None if there is none."""
    done = host.run("ndisc6", "-1", "-q", "-w", "1000", address, device, check=False)
    return done.stdout.strip().lower() or None


__all__ = ["Answer", "Client", "Load", "LoadResult", "arping", "ndisc", "run"]
