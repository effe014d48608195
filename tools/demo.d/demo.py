#!/usr/bin/python3
"""The demo that tools/demo starts: a LAN, Sluice on it, and what a client sees.

    plan.py     what the manifests promise: pods, certificates, expected answers
    stage.py    the LAN, the pods and Sluice
    acts.py     what is shown, one function an act
    report.py   the table and the JSON document
"""
import argparse
import json
import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests" / "lab")]

import acts  # noqa: E402
from report import Report  # noqa: E402
from stage import Stage  # noqa: E402

STATE = pathlib.Path("/run/sluice-demo.json")  # of a demo that was left up
SHOWN = (acts.resolve_by_arp, acts.follow_redirect, acts.request_every_match, acts.request_misses,
         acts.change_route_under_load, acts.rotate_certificate_under_load, acts.kill_proxy, acts.explain)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/demo", add_help=False)
    parser.add_argument("--default-manifests", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--manifests", type=pathlib.Path)
    parser.add_argument("--interface")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    options.manifests = (options.manifests or options.default_manifests).resolve()
    if not options.manifests.is_dir():
        parser.error(f"no such folder: {options.manifests}")
    return options


def show(options, report):
    """Runs all acts on a fresh stage and leaves it up; ends the program if one fails."""
    stage = Stage(options.manifests, options.interface, report)
    try:
        stage.build()
        for act in SHOWN:
            act(stage, report)
        return stage
    except Exception as error:
        report.failed(f"{type(error).__name__}: {error}")
        if not isinstance(error, (acts.Unexpected, TimeoutError, RuntimeError, OSError)):
            traceback.print_exc()
        report.say(f"the end of Sluice's log:\n{stage.log_tail()}")
        stage.close()
        sys.exit(report.close())
    except BaseException:  # interrupted
        stage.close()
        raise


def run(arguments):
    options = parse(arguments)
    report = Report(options.json)
    if running_state() is not None:
        sys.exit("tools/demo: another demo is up; end it with: tools/demo stop")
    if options.keep:
        keep(options, report)
    show(options, report).close()
    sys.exit(report.close())


def keep(options, report):
    """A child of this process holds the LAN; it says through a pipe when the show is over."""
    read_end, write_end = os.pipe()
    if os.fork() > 0:
        os.close(write_end)
        answer = os.read(read_end, 1)
        os._exit(answer[0] if answer else 1)
    os.close(read_end)
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    stage = show(options, report)
    STATE.write_text(json.dumps({"pid": os.getpid(), **stage.describe()}))
    report.hints(stage)
    os.write(write_end, bytes([report.close()]))
    os.close(write_end)
    for descriptor in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    try:
        while True:
            signal.pause()
    finally:
        STATE.unlink(missing_ok=True)
        stage.close()


def running_state():
    try:
        state = json.loads(STATE.read_text())
        os.kill(state["pid"], 0)
        return state
    except (FileNotFoundError, ProcessLookupError):
        return None


def with_running_demo():
    state = running_state()
    if state is None:
        sys.exit("tools/demo: no demo is up; start one with: tools/demo --keep")
    return state


def curl(arguments):
    state = with_running_demo()
    resolve = [word for port in ("80", "443") for word in ("--resolve", f"*:{port}:{state['vip']}")]
    os.execvp("nsenter", [*state["client"], "curl", "--cacert", state["ca"], *resolve, *arguments])


def gwctl(arguments):
    state = with_running_demo()
    os.execvp("nsenter", [*state["node"], state["gwctl"], *arguments])


def stop(_):
    state = with_running_demo()
    os.kill(state["pid"], signal.SIGTERM)
    while running_state() is not None:
        time.sleep(0.05)
    print("the demo is gone")


if __name__ == "__main__":
    {"run": run, "curl": curl, "gwctl": gwctl, "stop": stop}[sys.argv[1]](sys.argv[2:])
