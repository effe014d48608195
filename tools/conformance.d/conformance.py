"""tools/conformance, behind its shell part: options, the order of things, a lab that is left up."""
import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from cluster import FOLDER, ROOT, table
from cluster.attached import Attached
from cluster.laboratory import CHANNELS, Laboratory
from cluster.objects import CLASS
from cluster.sluice import Sluice
from cluster.suite import PROFILES, Suite

STATE = pathlib.Path("/run/sluice-conformance.json")
# Waits of the suite that only a failing test uses up.
HASTE = "NamespacesMustBeReady:60;GatewayMustHaveCondition:30;GatewayMustHaveAddress:30"
RECORDS = ROOT / "docs" / "conformance"


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/conformance", add_help=False)
    parser.add_argument("--profile", action="append", choices=tuple(PROFILES))
    parser.add_argument("--run")
    parser.add_argument("--channel", choices=CHANNELS, default="experimental")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--gateway", choices=("sluice", "none"), default="sluice")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--sluice-build", type=pathlib.Path, default=os.environ.get("SLUICE_RELEASE"))
    parser.add_argument("--hasty", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, default=os.environ.get("SLUICE_OUTPUT"))
    options = parser.parse_args(arguments)
    options.bin = pathlib.Path(options.sluice_build).resolve() / "bin"
    return options


def run_suite(laboratory, options):
    """The exit status: 0 if nothing failed."""
    output = options.output
    suite = Suite(laboratory, output)
    more = {"timeout_config_overrides": HASTE} if options.hasty else {}
    result = suite.run(CLASS, options.profile, options.run, version=version(), **more)
    text = table.table(result)
    print(text, flush=True)
    (output / "latest.txt").write_text(f"{time.strftime('%H:%M:%S')}\n{text}\n")
    if options.record and not options.run and not options.hasty:
        table.record(result, output / "report.yaml", RECORDS, options.channel)
    return 0 if result.status == 0 and not result.count("FAIL") else 1


class Session:
    """One laboratory with a gateway in it, and the runs of the suite on it."""

    def __init__(self, options):
        self.options = options
        self.laboratory = Laboratory(options.bin / "lab-pass.bpf.o", options.nodes, options.channel, say=say)
        self.gateway_class = CLASS if options.gateway == "sluice" else None

    def start(self):
        began = time.monotonic()
        if self.options.gateway == "sluice":
            self.laboratory.nodes.add_sluice_image(self.options.bin)
        self.laboratory.start()
        say(f"cluster up in {time.monotonic() - began:.1f} s ({self.laboratory.folder})")
        began = time.monotonic()
        getattr(self, f"start_{self.options.gateway}")()
        say(f"gateway up in {time.monotonic() - began:.1f} s")

    def start_sluice(self):
        sluice = Sluice(self.laboratory, self.options.bin)
        (sluice.start_plainly if self.options.plain else sluice.deploy)()
        sluice.wait_accepted()

    def start_none(self):
        pass

    def run(self):
        """The exit status."""
        if self.gateway_class is None:
            return selftest(self)
        return run_suite(self.laboratory, self.options)

    def describe(self):
        lab = self.laboratory
        hosts = {"client": lab.lan.client, "router": lab.lan.router, **{node.node_name: node for node in lab.lan.nodes}}
        return {"kubectl": lab.kubectl_words(), "folder": str(lab.folder), "token": lab.control_plane.token,
                "channel": lab.channel, "hosts": {name: host.enter() for name, host in hosts.items()},
                "router": lab.lan.router.name}


def version():
    text = (ROOT / "CMakeLists.txt").read_text()
    found = re.search(r"project\(.*?VERSION\s+([\d.]+)", text, re.S)
    return f"v{found.group(1)}" if found else "main"


def selftest(session):
    """The lab by itself: what pods get and may not do."""
    with tempfile.NamedTemporaryFile("w") as state:
        json.dump(session.describe(), state)
        state.flush()
        words = ["/usr/bin/python3", "-B", FOLDER / "nodes_test.py"]
        return subprocess.run(words, env={**os.environ, "SLUICE_LAB": state.name, "SLUICE_BIN": str(session.options.bin)}).returncode


def main(arguments):
    options = parse(arguments)
    if options.keep:
        keep(options)
    session = Session(options)
    try:
        session.start()
        status = session.run()
    finally:
        session.laboratory.close()
    sys.exit(status)


def keep(options):
    """A child of this process holds the lab; it says through a pipe how the run went."""
    read_end, write_end = os.pipe()
    if os.fork() > 0:
        os.close(write_end)
        answer = os.read(read_end, 1)
        os._exit(answer[0] if answer else 1)
    os.close(read_end)
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    session = Session(options)
    try:
        session.start()
        STATE.touch(mode=0o600)  # it holds the administrator's token
        STATE.write_text(json.dumps({"pid": os.getpid(), **session.describe()}))
        status = session.run()
        say("left up: tools/conformance kubectl ..., shell NODE, stop")
        os.write(write_end, bytes([status]))
        os.close(write_end)
        detach()
        while True:
            signal.pause()
    finally:
        STATE.unlink(missing_ok=True)
        session.laboratory.close()


def detach():
    """Whoever reads our output need not wait for us."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def state():
    try:
        found = json.loads(STATE.read_text())
        os.kill(found["pid"], 0)
        return found
    except (OSError, ValueError):
        sys.exit("tools/conformance: no lab is up; start one with: tools/conformance --keep")


def stop():
    pid = state()["pid"]
    os.kill(pid, signal.SIGTERM)
    while pathlib.Path(f"/proc/{pid}").exists():
        time.sleep(0.1)


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "run":
        main(rest)
    elif command == "kubectl":
        words = state()["kubectl"]
        os.execvp(words[0], [*words, *rest])
    elif command == "shell":
        words = state()["hosts"][rest[0]]
        os.execvp(words[0], [*words, *(rest[1:] or ["bash"])])
    elif command == "again":
        sys.exit(run_suite(Attached(state()), parse(rest)))
    elif command == "stop":
        stop()
