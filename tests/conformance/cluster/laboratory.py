"""The whole laboratory: network, control plane, nodes."""
import os
import pathlib
import shutil
import tempfile

from lab.network import run

from cluster.control_plane import ControlPlane
from cluster.daemons import Daemons
from cluster.lan import Lan
from cluster.nodes import Nodes
from cluster.programs import Programs

CHANNELS = ("experimental", "standard")


class Laboratory:
    """A context manager. `pass_object` is the XDP program that a veth's far end needs (tests/lab)."""

    def __init__(self, pass_object, nodes=1, channel="experimental", folder=None, say=print):
        self.programs = Programs(say)
        self.channel = channel
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="sluice-conformance-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.own_folder = folder is None
        self.daemons = Daemons(self.folder)
        self.lan = Lan(pass_object, nodes)
        self.control_plane = ControlPlane(self.lan.router, self.programs, self.daemons, self.folder)
        self.nodes = Nodes(self.lan, self.control_plane, self.programs, self.daemons, self.folder)
        self.api = None

    def start(self):
        """Everything but a gateway. The node program comes last: it is told all images."""
        self.control_plane.start()
        self.api = self.control_plane.api()
        self.install_definitions()
        self.nodes.add_suite_images()
        self.nodes.add_tools_image()
        self.before_nodes()
        self.nodes.start()
        self.api.wait("the default service account", lambda: self.api.get("ServiceAccount", "default", "default"))
        return self

    def before_nodes(self):
        """For tests that put something between the cluster and its nodes."""

    def install_definitions(self):
        """The Gateway API's kinds; of the two channels the folder's own list is the standard one."""
        folder = self.programs.crds / ("experimental" if self.channel == "experimental" else "")
        self.kubectl("apply", "--server-side", "-k", folder)
        self.kubectl("wait", "--for", "condition=Established", "--timeout", "30s", "crd", "--all")

    def kubectl(self, *words, stdin=None, check=True):
        done = run(*self.kubectl_words(*words), stdin=stdin, check=check, timeout=120)
        return done.stdout

    def kubectl_words(self, *words):
        return [*self.lan.router.enter(), "env", f"KUBECONFIG={self.control_plane.kubeconfig}",
                str(self.programs["kubectl"]), *map(str, words)]

    def close(self):
        if self.api is not None:
            self.api.close()
        self.daemons.stop()
        self.lan.close()
        self.save_logs()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def save_logs(self):
        """What all programs said, to the folder that SLUICE_LOGS names."""
        target = os.environ.get("SLUICE_LOGS")
        if not target:
            return
        target = pathlib.Path(target)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for path in [*self.folder.glob("*.log"), *self.folder.glob("logs/*.log")]:
            shutil.copy(path, target)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
