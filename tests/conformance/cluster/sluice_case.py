"""The base class of the tests of Sluice on the lab's cluster.

Each class has a Gateway "shared" with an http and an https listener, the echo servers "a" and "b",
and an HTTPRoute "app" that sends everything to "a". SLUICE_PLAIN=1 runs Sluice without the DaemonSet.
"""
import json
import os
import pathlib
import re
import tempfile
import threading
import time

from lab.certs import Authority, serial_of, tls_secret
from lab.client import Load
from lab.gateway import command_name

from cluster import objects
from cluster.api import condition
from cluster.case import ClusterCase, bin_folder
from cluster.sluice import Sluice

HOST = "app.example.test"


class NewConnections:
    """HTTPS requests one after the other, each on a connection of its own, in the background: a
    context manager. `failed` are the errors."""

    def __init__(self, case):
        self.case = case
        self.failed, self.made = [], 0
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        case = self.case
        words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-m", "5", "--cacert", case.authority.certificate,
                 "--resolve", f"{HOST}:443:{case.vip}", f"https://{HOST}/"]
        while not self.end.is_set():
            done = case.laboratory.lan.client.run(*words, check=False)
            self.made += 1
            if done.returncode != 0 or done.stdout != "200":
                self.failed.append(f"{time.strftime('%H:%M:%S')} {done.stdout} {done.stderr.strip()}")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()


class SluiceCase(ClusterCase):
    NODES = 1
    RATE = 200  # requests a second of the load: enough to meet every change, not to fill the machine

    @classmethod
    def prepare(cls, laboratory):
        laboratory.nodes.add_sluice_image(bin_folder())

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sluice = Sluice(cls.laboratory, bin_folder())
        if cls.owns_laboratory():
            if os.environ.get("SLUICE_PLAIN"):
                cls.sluice.start_plainly()
            else:
                cls.sluice.deploy()
        cls.sluice.wait_accepted()
        folder = tempfile.TemporaryDirectory(prefix="sluice-lab-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.authority = Authority(cls.folder / "ca")
        cls.write_certificate()
        cls.api.apply(
            *objects.echo("a", cls.namespace), *objects.echo("b", cls.namespace),
            objects.gateway("shared", cls.namespace, objects.listener("http", 80),
                            objects.listener("https", 443, "HTTPS", secret="certificate", hostname="*.example.test")))
        cls.vip = cls.wait_programmed("shared")
        for service in ("b", "a"):
            cls.api.apply(cls.route(service))
            cls.api.wait(f"an answer from {service}", lambda service=service: cls.pod() == service)

    @classmethod
    def owns_laboratory(cls):
        return hasattr(cls.laboratory, "daemons")

    def need_own_laboratory(self):
        if not self.owns_laboratory():
            self.skipTest("it stops programs of the lab, which another process holds")

    @classmethod
    def route(cls, service, name="app", namespace=None):
        backend = (service, 8080, *([namespace] if namespace else []))
        return objects.http_route(name, cls.namespace, "shared", backend)

    @classmethod
    def write_certificate(cls):
        """A new one in the Secret; its serial number."""
        certificate, key = cls.authority.issue("*.example.test")
        cls.api.apply(tls_secret(cls.namespace, "certificate", certificate, key))
        return serial_of(certificate)

    @classmethod
    def wait_programmed(cls, name, seconds=30):
        """The first address of the Gateway."""
        def address():
            found = cls.api.get("Gateway", name, cls.namespace)
            return condition(found, "Programmed") == "True" and found["status"]["addresses"][0]["value"]
        return cls.api.wait(f"Gateway {name} to be Programmed", address, seconds)

    @classmethod
    def get(cls, path="/", host=HOST, vip=None, timeout=3):
        """(status, body) of one request over plain HTTP; status 0 if there was no answer."""
        done = cls.laboratory.lan.client.run("curl", "-s", "-m", timeout, "-H", f"Host: {host}", "-w", "\n%{http_code}",
                                             f"http://{vip or cls.vip}{path}", check=False)
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body

    @classmethod
    def pod(cls, **how):
        """The Deployment whose pod answered, or None."""
        status, body = cls.get(**how)
        if status != 200:
            return None
        return json.loads(body)["pod"].rsplit("-", 2)[0]

    def load(self, seconds, http2=False, secure=False):
        url = f"https://{HOST}/" if secure else f"http://{HOST}/"
        return Load(self.laboratory.lan.client, self.vip, url, seconds, http2=http2, clients=4, rps=self.RATE)

    def served_serial(self):
        done = self.laboratory.lan.client.run("openssl", "s_client", "-connect", f"{self.vip}:443", "-servername", HOST, stdin="",
                                              check=False)
        found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", done.stdout, re.S)
        if not found:
            return None
        path = self.folder / "served.pem"
        path.write_text(found.group(0) + "\n")
        return serial_of(path)

    def pids(self, program, node=0):
        """The processes of that program on a lab node."""
        return [pid for pid in self.laboratory.lan.nodes[node].pids() if command_name(pid) == program]

    def assert_none_failed(self, *loads):
        for load in loads:
            self.assertEqual(load.result.failed, 0, load.result.text)
            self.assertGreater(load.result.requests, 0)

    def report(self, **figures):
        print("FIGURE", json.dumps(figures), flush=True)
