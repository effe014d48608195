"""The base class of the lab's tests, and what makes a test file skip where it cannot run."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from lab import manifests
from lab.certs import Authority, tls_secret
from lab.client import Client
from lab.gateway import AGENT, LAUNCHER, PROXY, Gateway
from lab.network import Network

QUICK = bool(os.environ.get("SLUICE_QUICK"))
VIP = "192.168.0.200"
VIP6 = "fd5a:0:0:1::200"
PROGRAMS = ("ip", "nsenter", "unshare", "setpriv", "curl", "openssl", "arping", "ndisc6", "h2load")


def bin_folder():
    folder = os.environ.get("SLUICE_BIN")
    if folder:
        return pathlib.Path(folder)
    root = pathlib.Path(__file__).resolve().parents[3]
    return pathlib.Path(os.environ.get("SLUICE_BUILD", root / "build")) / "release" / "bin"


def reason_to_skip():
    if os.geteuid() != 0:
        return "the lab needs root (network namespaces, BPF)"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"programs are missing: {', '.join(missing)} (tools/setup --for test installs them)"
    missing = [name for name in (AGENT, PROXY, LAUNCHER, "lab-echo", "lab-pass.bpf.o") if not (bin_folder() / name).exists()]
    if missing:
        return f"not built: {', '.join(missing)}"
    return None


def main():
    """Runs the test file; exit status 77 and a reason if it cannot run here."""
    reason = reason_to_skip()
    if reason:
        print(f"SKIP: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)


class Pods:
    """One echo process that plays pods; each has its own address."""

    def __init__(self, network, folder, **pods):
        """pods: name=port"""
        self.ports = pods
        self.addresses = {name: network.add_pod_address() for name in pods}
        words = [f"{name}={self.addresses[name]}:{port}" for name, port in pods.items()]
        self.process = network.pods.popen(folder / "lab-echo", *words, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("lab-echo did not start")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class LabCase(unittest.TestCase):
    """One network, one gateway and the pods a and b for all tests of a class.

    The gateway serves *.example.test on https and app.example.test routes to pod "a". Classes
    change objects() for more.
    """
    HOST = "app.example.test"
    ARGUMENTS = ()
    ATTACH = "xdp"
    PREFIX = ()   # of the launcher's command
    START = True  # False: the tests start something themselves
    PODS = {"a": 8080, "b": 8080}
    LISTENERS = ()  # more of the Gateway's

    @classmethod
    def objects(cls):
        return [manifests.http_route("app", [cls.HOST], manifests.rule(("a", 80)), section="https")]

    @classmethod
    def base_objects(cls):
        m = manifests
        found = [
            m.gateway_class(),
            m.address_pool("192.168.0.200-192.168.0.210", f"{VIP6}/128"),
            m.gateway(m.listener("http", 80, "HTTP"),
                      m.listener("https", 443, "HTTPS", hostname="*.example.test", secret="wildcard"), *cls.LISTENERS,
                      addresses=[VIP, VIP6]),
            m.http_route("redirect", [], {"filters": [{"type": "RequestRedirect",
                                                       "requestRedirect": {"scheme": "https", "statusCode": 301}}]},
                         namespace="gateway-system", section="http"),
        ]
        for name, port in cls.PODS.items():
            found += [m.service(name, 80, target_port=port),
                      m.endpoint_slice(name, [cls.pods.addresses[name]], port)]
        return found

    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sluice-lab-")))
            cls.folder.chmod(0o755)
            cls.bin = bin_folder()
            cls.network = stack.enter_context(Network(cls.bin / "lab-pass.bpf.o"))
            cls.pods = Pods(cls.network, cls.bin, **cls.PODS)
            stack.callback(cls.pods.close)
            cls.authority = Authority(cls.folder / "ca")
            cls.manifests = cls.folder / "manifests"
            cls.manifests.mkdir()
            cls.write_certificate()
            cls.write("00-base.yaml", *cls.base_objects())
            cls.write("10-test.yaml", *cls.objects())
            cls.client = Client(cls.network.client, cls.authority)
            cls.gateway = Gateway(cls.network, cls.bin, cls.manifests, cls.folder / "sluice.log", arguments=cls.ARGUMENTS,
                                  attach=cls.ATTACH)
            cls.gateway.prefix = cls.PREFIX
            stack.callback(cls.gateway.stop)
            if cls.START:
                cls.gateway.start().wait_serving().wait_alive()
            cls.cleanup = stack.pop_all()

    @classmethod
    def tearDownClass(cls):
        if "-v" in sys.argv:
            print(cls.gateway.log_tail(60))
        cls.cleanup.close()

    @classmethod
    def write(cls, name, *objects):
        manifests.write(cls.manifests / name, *objects)

    @classmethod
    def write_certificate(cls, *names):
        certificate, key = cls.authority.issue(*(names or ("*.example.test",)))
        cls.write("01-certificate.yaml", tls_secret("gateway-system", "wildcard", certificate, key))
        return certificate

    def get(self, path="/", *options, host=None, **how):
        return self.client.get(f"https://{host or self.HOST}{path}", *options, **how)

    def workers(self):
        """The threads of the proxy that serve."""
        tasks = pathlib.Path(f"/proc/{self.gateway.proxy()}/task")
        return [task.name for task in tasks.iterdir() if "worker" in (task / "comm").read_text()]

    def assert_status(self, answer, status):
        self.assertEqual(answer.status, status, f"{answer}\n{self.gateway.log_tail()}")

    def report(self, **figures):
        """Figures that belong into the test's output."""
        print("FIGURE", json.dumps(figures), flush=True)
