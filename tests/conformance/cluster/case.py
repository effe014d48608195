"""The base class of the tests on the lab's cluster, and what makes one skip.

By itself a test file starts a laboratory of its own. With SLUICE_LAB=FILE (the state of one that
`tools/conformance --keep` left up) it uses that one.
"""
import json
import os
import pathlib
import shutil
import sys
import time
import unittest

from lab.gateway import wait_until

from cluster import ROOT, objects
from cluster.attached import Attached
from cluster.laboratory import Laboratory

PROGRAMS = ("ip", "nsenter", "unshare", "setpriv", "openssl", "go")


def bin_folder():
    build = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build")) / "release"
    return pathlib.Path(os.environ.get("SLUICE_BIN", build / "bin"))


def reason_to_skip():
    if os.geteuid() != 0:
        return "the lab needs root (network namespaces, BPF)"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"programs are missing: {', '.join(missing)} (tools/setup --for conformance installs them)"
    if not (bin_folder() / "lab-pass.bpf.o").exists():
        return "not built: lab-pass.bpf.o"
    return None


def main():
    """Runs the test file; exit status 77 and a reason if it cannot run here."""
    reason = reason_to_skip()
    if reason:
        print(f"SKIP: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)


class ClusterCase(unittest.TestCase):
    """A cluster for all tests of a class, and a namespace of its own in it."""
    NODES = 2

    @classmethod
    def setUpClass(cls):
        state = os.environ.get("SLUICE_LAB")
        if state:
            cls.laboratory = Attached(json.loads(pathlib.Path(state).read_text()))
        else:
            cls.laboratory = Laboratory(bin_folder() / "lab-pass.bpf.o", cls.NODES)
            cls.addClassCleanup(cls.laboratory.close)
            cls.prepare(cls.laboratory)
            cls.laboratory.start()
        cls.api = cls.laboratory.api
        cls.namespace = f"lab-{os.getpid()}-{cls.__name__.lower()}"
        cls.api.apply(objects.namespace(cls.namespace))
        cls.addClassCleanup(cls.api.delete, "Namespace", cls.namespace)
        cls.api.wait("the service account", lambda: cls.api.get("ServiceAccount", "default", cls.namespace))

    @classmethod
    def prepare(cls, laboratory):
        """Before the cluster starts: images, settings of the nodes."""

    def run_pod(self, name, script, container=None, image="lab/tools", **spec):
        """A pod that runs a shell script."""
        self.api.apply(objects.pod(name, self.namespace, image, ["sh", "-c", script], container, **spec))

    def pod_status(self, name):
        return (self.api.get("Pod", name, self.namespace) or {}).get("status", {})

    def container(self, name):
        """The status of the pod's first container."""
        return (self.pod_status(name).get("containerStatuses") or [{}])[0]

    def ready(self, name):
        conditions = self.pod_status(name).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def wait_ready(self, name, seconds=30):
        return self.api.wait(f"pod {name}", lambda: self.ready(name), seconds)

    def log(self, pod, container="main", **query):
        return self.api.log(self.namespace, pod, container, **query)

    def wait_log(self, pod, text, seconds=20, **query):
        """The whole log, once it holds the text."""
        return self.api.wait(f"'{text}' in the log of {pod}",
                             lambda: (found := self.log(pod, **query)) and text in found and found, seconds)

    @staticmethod
    def within(seconds, condition, what):
        """How long it took until condition() was true."""
        began = time.monotonic()
        wait_until(condition, seconds, what)
        return time.monotonic() - began
