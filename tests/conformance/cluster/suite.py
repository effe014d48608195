"""The conformance suite: how it is run, and what its output says.

Nothing of it is bent: default timeouts, no retry, no test skipped by us, and the features are those
that the GatewayClass claims in its status.
"""
import dataclasses
import os
import re
import subprocess
import time

from cluster.lan import UNUSABLE, USABLE

PROFILES = ("GATEWAY-HTTP", "GATEWAY-GRPC", "GATEWAY-TLS", "GATEWAY-TCP", "GATEWAY-UDP")
PARALLEL = 16
TIMEOUT = "60m"


@dataclasses.dataclass
class Test:
    name: str
    outcome: str     # PASS, FAIL or SKIP
    seconds: float   # as the suite counts: of a parallel test without its waiting
    reason: str = ""  # of a failure: the first message


@dataclasses.dataclass
class Result:
    tests: list
    seconds: float
    status: int
    log: str

    def count(self, outcome):
        return sum(test.outcome == outcome for test in self.tests)


class Suite:
    def __init__(self, laboratory, folder):
        self.laboratory = laboratory
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self, gateway_class, profiles, run=None, version="", **more):
        # -test.run takes a regular expression a level; the suite's own unit tests are left out.
        pattern = "^TestConformance$" + (f"/{run}" if run else "")
        words = [self.laboratory.programs["conformance.test"], "-test.run", pattern, "-test.v", "-test.timeout", TIMEOUT,
                 "-test.parallel", PARALLEL, "-gateway-class", gateway_class, "-conformance-profiles", ",".join(profiles),
                 "-usable-address", USABLE, "-unusable-address", UNUSABLE,
                 "-organization", "edgeprime", "-project", "sluice", "-url", "https://github.com/edgeprime/sluice",
                 "-version", version or "main", "-contact", "https://github.com/edgeprime/sluice/issues",
                 "-report-output", self.folder / "report.yaml"]
        for name, value in more.items():
            words += [f"-{name.replace('_', '-')}", value]
        return [str(word) for word in words]

    def run(self, gateway_class, profiles=PROFILES, run=None, **more):
        self.wait_clean()
        log = self.folder / "suite.log"
        (self.folder / "report.yaml").unlink(missing_ok=True)
        began = time.monotonic()
        with log.open("wb") as out:
            process = self.laboratory.lan.client.popen(
                *self.command(gateway_class, profiles, run, **more), stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, env={**os.environ, "KUBECONFIG": str(self.laboratory.control_plane.kubeconfig)},
                cwd=self.folder)
            try:
                status = process.wait()
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        return Result(parse(log.read_text(errors="replace")), time.monotonic() - began, status, str(log))

    def wait_clean(self):
        """An earlier run deletes its namespaces and does not wait for their end."""
        api = self.laboratory.api
        api.wait("the end of the last run's namespaces",
                 lambda: not [found for found in api.list("Namespace") if found["metadata"]["name"].startswith("gateway-conformance")
                              and found["metadata"].get("deletionTimestamp")], 120)


OUTCOME = re.compile(r"^( *)--- (PASS|FAIL|SKIP): TestConformance/(\S+) \(([\d.]+)s\)")
RUNNING = re.compile(r"^=== (?:RUN|NAME|CONT) +(\S+)")
MESSAGE = re.compile(r"^\s+Error:\s+(.*)|^\s+\S+\.go:\d+: (?!\d{4}-)(.*)")


def parse(text):
    """The tests of the suite's verbose output; a failed one with the first message that tells why."""
    reasons = collect_reasons(text)
    found = []
    for line in text.splitlines():
        match = OUTCOME.match(line)
        if match and "/" not in match.group(3):
            _, outcome, name, seconds = match.groups()
            found.append(Test(name, outcome, float(seconds), reasons.get(name, "") if outcome != "PASS" else ""))
    if not found:
        found.append(Test("(setup)", "FAIL", 0, last_words(text)))
    return found


def collect_reasons(text):
    """{test: message}: the last "Error:" block of the test or of its parts, else its last message."""
    errors, messages, current, wanted = {}, {}, None, False
    for line in text.splitlines():
        running = RUNNING.match(line)
        if running:
            parts = running.group(1).split("/")
            current = parts[1] if len(parts) > 1 else None
            wanted = False
            continue
        if current is None:
            continue
        stripped = line.strip()
        if stripped.startswith("Error:"):
            errors[current] = stripped.removeprefix("Error:").strip()
            wanted = not errors[current]
        elif wanted and stripped:
            errors[current], wanted = stripped, False
        elif stripped.startswith("Messages:"):
            errors[current] = f"{errors.get(current, '')} ({stripped.removeprefix('Messages:').strip()})"
        elif MESSAGE.match(line):
            messages[current] = stripped
    return {**messages, **errors}


def last_words(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line or "panic" in line or "error" in line]
    return (told or lines or ["no output"])[-1][:300]
