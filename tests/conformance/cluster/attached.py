"""A laboratory that another process holds: enough of it to run the suite and tests on."""
import pathlib
import subprocess

from lab.network import run

from cluster.api import Api
from cluster.control_plane import PORT
from cluster.lan import ROUTER
from cluster.programs import Programs


class Host:
    """A namespace of the lab by the words that enter it."""

    def __init__(self, name, words):
        self.name = name
        self.words = words

    def enter(self):
        return self.words

    def run(self, *command, **options):
        return run(*self.words, *command, **options)

    def popen(self, *command, **options):
        return subprocess.Popen([*self.words, *map(str, command)], **options)


class Attached:
    """The same names as in Laboratory, for what is only used and not started."""

    def __init__(self, state):
        self.state = state
        self.programs = Programs()
        self.folder = pathlib.Path(state["folder"])
        self.channel = state["channel"]
        self.lan = self
        self.control_plane = self
        self.client = Host("client", state["hosts"]["client"])
        self.router = Host(state["router"], state["hosts"]["router"])
        self.kubeconfig = self.folder / "admin.kubeconfig"
        self.api = Api(self.router, ROUTER, PORT, self.folder / "pki" / "apiserver.crt", state["token"])

    def kubectl(self, *words, stdin=None, check=True):
        return run(*self.state["kubectl"], *words, stdin=stdin, check=check, timeout=120).stdout
