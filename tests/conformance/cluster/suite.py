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

# Each profile brings its core features along: it is for those that claim its kind of route.
PROFILES = {"GATEWAY-HTTP": "HTTPRoute", "GATEWAY-GRPC": "GRPCRoute", "GATEWAY-TLS": "TLSRoute", "GATEWAY-TCP": "TCPRoute",
            "GATEWAY-UDP": "UDPRoute"}
PARALLEL = 16
TIMEOUT = "60m"


@dataclasses.dataclass
class Test:
    name: str
    outcome: str     # PASS, FAIL, SKIP, or UNCLAIMED: it needs a feature that is not claimed
    seconds: float   # as the suite counts: of a parallel test without its waiting
    reason: str = ""  # of a failure or a skip; of UNCLAIMED the feature


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

    def claimed(self, gateway_class):
        """The profiles whose kind of route the class claims."""
        status = (self.laboratory.api.get("GatewayClass", gateway_class) or {}).get("status", {})
        features = [feature["name"] for feature in status.get("supportedFeatures", [])]
        return [profile for profile, route in PROFILES.items() if route in features]

    def run(self, gateway_class, profiles=None, run=None, **more):
        profiles = profiles or self.claimed(gateway_class)
        if not profiles:
            raise RuntimeError(f"GatewayClass {gateway_class} claims no kind of route (status.supportedFeatures)")
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


UNCLAIMED = "suite does not support "
OUTCOME = re.compile(r"^ *--- (PASS|FAIL|SKIP): TestConformance/(\S+) \(([\d.]+)s\)")
RUNNING = re.compile(r"^=== (?:RUN|NAME|CONT) +TestConformance/(\S+)")
STAMPED = re.compile(r"^\s+\S+\.go:\d+: (?:\d{4}-\S+Z: )?(.*)")


def parse(text):
    """The tests of the suite's verbose output; one that did not pass with why, as far as it says."""
    reasons, failed, found = collect_reasons(text), {}, []
    for line in text.splitlines():
        match = OUTCOME.match(line)
        if not match:
            continue
        outcome, path, seconds = match.groups()
        name, _, part = path.partition("/")
        if not part:
            found.append(Test(name, outcome, float(seconds), reasons.get(name, "") if outcome != "PASS" else ""))
        elif outcome == "FAIL":
            failed.setdefault(name, []).append(path)
    for test in found:
        parts = [path for path in failed.get(test.name, []) if path in reasons]
        if test.outcome == "SKIP" and test.reason.startswith(UNCLAIMED):
            test.outcome, test.reason = "UNCLAIMED", test.reason.removeprefix(UNCLAIMED)
        if test.outcome == "FAIL" and parts:
            test.reason = f"{len(parts)} parts: {parts[-1].rpartition('/')[2]}: {reasons[parts[-1]]}"
    if not found:
        found.append(Test("(setup)", "FAIL", 0, last_words(text)))
    return found


def collect_reasons(text):
    """{path of a test or of a part of it: message}: the last "Error:" block, else the last failed try,
    else, of one that was skipped, its message."""
    errors, tries, skips, current, wanted = {}, {}, {}, None, False
    for line in text.splitlines():
        running = RUNNING.match(line)
        if running:
            current, wanted = running.group(1), False
            continue
        if current is None:
            continue
        stripped = line.strip()
        stamped = STAMPED.match(line)
        if stripped.startswith("Error:"):
            errors[current] = stripped.removeprefix("Error:").strip()
            wanted = not errors[current]
        elif wanted and stripped:
            errors[current], wanted = stripped, False
        elif stripped.startswith("Messages:"):
            errors[current] = f"{errors.get(current, '')} ({stripped.removeprefix('Messages:').strip()})"
        elif stamped and "not ready yet: " in line:
            tries[current] = line.rpartition("not ready yet: ")[2]
        elif stamped and stamped.group(1).startswith("Skipping "):
            skips[current] = stamped.group(1).rpartition(": ")[2]
    return {**skips, **tries, **errors}


def last_words(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if "Error" in line or "panic" in line or "error" in line]
    return (told or lines or ["no output"])[-1][:300]
