"""The cluster's programs, built from Go modules once.

They lie in the cache folder of tools/setup, by a hash of what they are made of: a second run builds
nothing. Go's own cache is kept there as well, so a change costs what it touches.
"""
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

from cluster import FOLDER

KUBERNETES = "k8s.io/kubernetes"
UPSTREAM = {  # program -> package
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": f"{KUBERNETES}/cmd/kube-apiserver",
    "kube-controller-manager": f"{KUBERNETES}/cmd/kube-controller-manager",
    "kubectl": f"{KUBERNETES}/cmd/kubectl",
    "echo-basic": "sigs.k8s.io/gateway-api/conformance/echo-basic",
}
SUITE = {"conformance.test": "sigs.k8s.io/gateway-api/conformance"}
OWN = {"node": "./node", "container": "./container", "faults": "./faults"}


class BuildFailed(Exception):
    pass


def cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("SLUICE_CACHE") or pathlib.Path(home) / "sluice")


def environment():
    flags = [os.environ.get("GOFLAGS", ""), "-trimpath", "-buildvcs=false", "-mod=readonly"]
    return {**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(cache_folder() / "go-build"), "GOFLAGS": " ".join(flags).strip()}


def go(*words):
    """What the go command printed; runs in the module's folder."""
    done = subprocess.run(["go", *map(str, words)], cwd=FOLDER, env=environment(), text=True, capture_output=True)
    if done.returncode != 0:
        raise BuildFailed(f"go {' '.join(map(str, words))}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def digest(paths):
    total = hashlib.sha256(go("version").encode())
    for path in sorted(paths):
        total.update(f"{path.relative_to(FOLDER)}\0".encode() + path.read_bytes())
    return total.hexdigest()[:12]


def modules():
    return [FOLDER / "go.mod", FOLDER / "go.sum"]


def sources():
    return [path for folder in OWN for path in (FOLDER / folder).rglob("*.go")]


def linker_flags():
    """Without these the API server does not know its own version."""
    version = re.search(rf"{KUBERNETES} (v(\d+)\.(\d+)\.\S+)", (FOLDER / "go.mod").read_text())
    words = ["-s", "-w"]
    for package in ("component-base/version", "client-go/pkg/version"):
        for name, value in zip(("gitVersion", "gitMajor", "gitMinor"), version.groups()):
            words += ["-X", f"k8s.io/{package}.{name}={value}"]
    return "-ldflags=" + " ".join(words)


class Programs:
    """Where each program is: programs["etcd"]. Builds what is missing."""

    def __init__(self, say=lambda text: print(text, file=sys.stderr, flush=True)):
        self.say = say
        self.folder = cache_folder() / "conformance"
        self.upstream = self.provide(f"kubernetes-{digest(modules())}", self.build_upstream)
        self.own = self.provide(f"lab-{digest(modules() + sources())}", self.build_own)
        self.crds = self.upstream / "crd"

    def __getitem__(self, name):
        folder = self.own if name in OWN else self.upstream
        return folder / name

    def provide(self, name, build):
        """The folder of that name; another process that builds it at the same time does no harm."""
        wanted = self.folder / name
        if not wanted.exists():
            part = self.folder / f".{name}.{os.getpid()}"
            part.mkdir(parents=True)
            try:
                build(part)
                part.rename(wanted)
            except OSError:
                if not wanted.exists():
                    raise
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return wanted

    def build(self, folder, packages, *command):
        for name, package in packages.items():
            began = time.monotonic()
            go(*command, "-o", folder / name, package)
            self.say(f"built {name} in {time.monotonic() - began:.0f} s")

    def build_upstream(self, folder):
        self.say("building Kubernetes, etcd and the suite from Go modules (once; about five minutes on two cores)")
        self.build(folder, UPSTREAM, "build", linker_flags())
        self.build(folder, SUITE, "test", "-c", linker_flags())
        crds = pathlib.Path(go("list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api")) / "config" / "crd"
        shutil.copytree(crds, folder / "crd", copy_function=shutil.copyfile)
        for path in (folder / "crd").rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def build_own(self, folder):
        self.build(folder, OWN, "build", linker_flags())
