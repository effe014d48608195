#!/usr/bin/python3
"""The benchmark that tools/bench starts.

    proxies.py   the proxies, each configured to do the same
    loads.py     the loads and their verification
    measure.py   CPU time, memory and system calls of a process tree
    xdp.py       a packet's time in the BPF program
    table.py     medians, ratios, the table
Repetitions are interleaved (load outside, proxy inside), because a machine's speed drifts.
"""
import argparse
import glob
import json
import os
import pathlib
import platform
import resource
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests" / "lab")]

import measure  # noqa: E402
import proxies  # noqa: E402
import table  # noqa: E402
import xdp  # noqa: E402
from lab.certs import Authority  # noqa: E402
from lab.gateway import wait_until  # noqa: E402
from lab.network import Namespace, sweep  # noqa: E402
from loads import HOST, LARGE_BYTES, LOAD_CPU, LOADS, SMALL_BYTES, Generator, LoadFailed  # noqa: E402

BACKEND = """
daemon off; worker_processes 1; worker_rlimit_nofile 65536; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 24000; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600; sendfile on; tcp_nopush on;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:9000 backlog=4096; root {folder}; location = / {{ return 200 "hello, world"; }} }}
}}
"""


class Programs:
    """Where programs are: our own in the build, the peers unpacked in the cache."""

    def own(self, name):
        return str(pathlib.Path(os.environ["SLUICE_BIN"]) / name)

    def peer(self, pattern):
        found = sorted(glob.glob(str(pathlib.Path(os.environ["SLUICE_PEERS"]) / pattern)))
        return found[-1] if found else None


class Bench:
    def __init__(self, options, namespace, folder):
        self.options = options
        self.namespace = namespace
        self.folder = pathlib.Path(folder)
        self.folder.chmod(0o755)  # workers drop their privileges
        self.programs = Programs()
        self.generator = Generator(namespace, self.programs)
        self.samples = {}    # (load, proxy) -> [CPU us per request]
        self.syscalls = {}   # (load, proxy) -> system calls per request
        self.idle = {}       # (load, proxy) -> bytes per connection
        self.left_out = {}   # (load, proxy) or proxy -> why
        certificate, key = Authority(self.folder / "ca").issue(HOST)
        self.proxies = []
        for kind in proxies.ALL:
            proxy = kind(namespace, self.folder, self.programs, certificate, key)
            if proxy.name not in options.proxies:
                continue
            reason = proxy.available()
            if reason:
                self.left_out[proxy.name] = reason
                print(f"skipped: {proxy.name}: {reason}", flush=True)
            else:
                self.proxies.append(proxy)

    def start_backend(self):
        folder = self.folder / "backend"
        folder.mkdir()
        (folder / "1m").write_bytes(b"x" * LARGE_BYTES)
        (folder / "conf").write_text(BACKEND.format(folder=folder))
        self.namespace.popen("taskset", "-c", LOAD_CPU, self.programs.peer("nginx/usr/sbin/nginx"), "-p", folder, "-c",
                             folder / "conf", "-e", folder / "error.log")
        self.wait_port(proxies.BACKEND)

    def wait_port(self, port, proxy=None):
        def listening():
            if proxy is not None and proxy.process.poll() is not None:
                said = (proxy.folder / "log").read_text().strip().splitlines() or ["(nothing)"]
                raise LoadFailed(f"it ended and said: {said[-1]}")
            return f":{port} " in self.namespace.run("ss", "-Hltn").stdout
        wait_until(listening, 15, f"a listener on port {port}")

    def start(self, proxy):
        proxy.start()
        self.wait_port(proxies.PLAIN, proxy)
        self.wait_port(proxies.TLS, proxy)

    def leave_out(self, key, error):
        self.left_out[key] = str(error)
        print(f"skipped: {' '.join(key)}: {str(error).splitlines()[0]}", flush=True)

    def measure_once(self, load, proxy, seconds):
        """CPU microseconds per request."""
        try:
            self.start(proxy)
            self.generator.verify(load)
            self.generator.run(load, 1)  # warms connections, caches and branch predictors
            before = measure.cpu_ns(proxy.process.pid)
            count = self.generator.run(load, seconds)
            return (measure.cpu_ns(proxy.process.pid) - before) / count / 1000
        finally:
            proxy.stop()

    def run_load(self, load):
        for repetition in range(self.options.reps):
            for proxy in self.proxies:
                key = (load.name, proxy.name)
                if key in self.left_out:
                    continue
                try:
                    self.samples.setdefault(key, []).append(self.measure_once(load, proxy, self.options.seconds))
                except (LoadFailed, TimeoutError) as error:
                    self.leave_out(key, error)
            print(f"{load.name}: repetition {repetition + 1} of {self.options.reps}: " + ", ".join(
                f"{p.name} {self.samples[load.name, p.name][-1]:.1f}" for p in self.proxies if self.samples.get((load.name, p.name))),
                flush=True)

    def count_syscalls(self, load):
        for proxy in self.proxies:
            key = (load.name, proxy.name)
            if key in self.left_out:
                continue
            try:
                self.start(proxy)
                self.generator.run(load, 1)
                with measure.SyscallCount(proxy.process.pid, self.folder / "strace") as counted:
                    time.sleep(0.3)
                    requests = self.generator.run(load, 2)
                self.syscalls[key] = counted.total() / requests
            except LoadFailed as error:
                print(f"skipped: system calls of {proxy.name}: {str(error).splitlines()[0]}", flush=True)
            finally:
                proxy.stop()

    def measure_idle(self, name, tls):
        for proxy in self.proxies:
            try:
                self.start(proxy)
                self.generator.run(LOADS[1] if tls else LOADS[0], 1)  # what a first connection allocates for good
                time.sleep(0.5)
                before = measure.resident_bytes(proxy.process.pid)
                holder, held = self.generator.hold_idle(tls, self.options.idle)
                time.sleep(1.0)  # buffers are given back a moment after the last answer
                after = measure.resident_bytes(proxy.process.pid)
                holder.communicate(timeout=60)
                if held < self.options.idle:
                    self.leave_out((name, proxy.name), f"only {held} of {self.options.idle} connections stood")
                else:
                    self.idle[name, proxy.name] = (after - before) / held
            except LoadFailed as error:
                self.leave_out((name, proxy.name), error)
            finally:
                proxy.stop()
        print(f"{name}: " + ", ".join(f"{proxy} {value / 1024:.1f} kB" for (load, proxy), value in self.idle.items() if load == name), flush=True)

    def results(self, packet):
        cells = [{"load": load, "proxy": proxy, "cpu_us": statistics.median(values), "min": min(values), "max": max(values),
                  "repetitions": len(values), "syscalls": self.syscalls.get((load, proxy))}
                 for (load, proxy), values in self.samples.items() if values]
        return {"date": time.strftime("%Y-%m-%d"), "kernel": platform.release(), "cpu": cpu_model(), "quick": self.options.quick,
                "cells": cells, "idle": [{"load": load, "proxy": proxy, "bytes_per_connection": value}
                                         for (load, proxy), value in self.idle.items()],
                "xdp": packet, "left_out": [{"what": " ".join(key) if isinstance(key, tuple) else key, "why": why}
                                            for key, why in self.left_out.items()]}


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def parse(arguments):
    names = [load.name for load in LOADS] + ["idle", "idle-tls", "xdp"]
    parser = argparse.ArgumentParser(prog="tools/bench")
    parser.add_argument("--default-json", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--reps", type=int)
    parser.add_argument("--proxies", default=",".join(kind.name for kind in proxies.ALL))
    parser.add_argument("loads", nargs="*", metavar="LOAD", help=f"of {', '.join(names)}; default: all")
    options = parser.parse_args(arguments)
    unknown = set(options.loads) - set(names)
    if unknown:
        parser.error(f"no such load: {', '.join(sorted(unknown))} (there are {', '.join(names)})")
    options.loads = options.loads or names
    options.proxies = options.proxies.split(",")
    options.reps = options.reps or (1 if options.quick else 5)
    options.seconds = 2 if options.quick else 4
    options.idle = 2000 if options.quick else 10000
    options.json = options.json or options.default_json
    return options


def main():
    options = parse(sys.argv[1:])
    if os.cpu_count() < 2:
        sys.exit("tools/bench: needs two CPUs, one for the proxy and one for the load")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sweep()
    namespace = Namespace("bench")
    try:
        namespace.sysctl("net.ipv4.tcp_congestion_control", "reno")
        namespace.sysctl("net.ipv4.ip_local_port_range", "10000 65000")
        namespace.sysctl("net.ipv4.tcp_tw_reuse", 1)
        namespace.sysctl("net.core.somaxconn", 4096)
        with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
            bench = Bench(options, namespace, folder)
            bench.start_backend()
            for load in LOADS:
                if load.name in options.loads:
                    bench.run_load(load)
                    bench.count_syscalls(load)
            for name in ("idle", "idle-tls"):
                if name in options.loads:
                    bench.measure_idle(name, name == "idle-tls")
            packet = xdp.measure(bench.programs) if "xdp" in options.loads else None
            results = bench.results(packet)
    finally:
        namespace.close()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=2) + "\n")
    print(table.render(results))
    print(f"written: {options.json}")


if __name__ == "__main__":
    main()
