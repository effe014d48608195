"""The node program, and the folders that stand for images."""
import json
import os
import pathlib
import shutil
import subprocess

from cluster.control_plane import PORT
from cluster.lan import POD_GATEWAY, ROUTER

TOOLS = ("sh", "cat", "sleep", "touch", "mount", "unshare", "hostname", "ls", "readlink", "stat", "id")
SLUICE_PROGRAMS = ("sluice-agent", "sluice-proxy", "gwctl")


def libraries(program):
    """The shared libraries that a program loads, loader included."""
    done = subprocess.run(["ldd", program], text=True, capture_output=True)
    return [word for line in done.stdout.splitlines() for word in line.split() if word.startswith("/")]


def place(path, folder):
    """A copy of the file at that folder; linked where the file system can."""
    target = pathlib.Path(folder) / pathlib.Path(path).name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(os.path.realpath(path), target)
    except OSError:
        shutil.copy(path, target)
    return target


def image(folder, *programs, below="usr/bin"):
    """A root file system with these programs and what they load; users as in a small image."""
    for program in programs:
        place(program, folder / below)
        for library in libraries(program):
            place(library, folder / pathlib.Path(library).parent.relative_to("/"))
    for name in ("etc", "tmp", "run", "proc", "sys", "dev", "var"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    (folder / "etc" / "passwd").write_text("root:x:0:0::/:/nologin\nnonroot:x:65532:65532::/:/nologin\n")
    (folder / "etc" / "group").write_text("root:x:0:\nnonroot:x:65532:\n")
    return folder


class Nodes:
    """The lab nodes as Kubernetes nodes: one program in the router's namespace plays them all."""

    def __init__(self, lan, control_plane, programs, daemons, folder):
        self.lan = lan
        self.control_plane = control_plane
        self.programs = programs
        self.daemons = daemons
        self.folder = folder
        self.images = []
        self.settings = {}  # more of the program's configuration

    def add_image(self, pattern, root, *entrypoint, user=""):
        self.images.append({"Name": pattern, "Root": str(root), "Entrypoint": list(entrypoint), "User": user})

    def add_suite_images(self):
        images = self.folder / "images"
        echo = image(images / "echo-basic", self.programs["echo-basic"])
        self.add_image("echo-basic", echo, "/usr/bin/echo-basic")
        dns = image(images / "dns", self.programs["node"])
        # It answers like a server of names; its arguments are CoreDNS's, and mean nothing to it.
        self.add_image("coredns", dns, "/usr/bin/node", "dns")

    def add_tools_image(self):
        """A shell and small programs of this machine, for the lab's own pods."""
        root = image(self.folder / "images" / "tools", *(shutil.which(name) for name in TOOLS))
        self.add_image("lab/tools", root, "/usr/bin/sh")

    def add_sluice_image(self, bin_folder):
        root = image(self.folder / "images" / "sluice", *(bin_folder / name for name in SLUICE_PROGRAMS))
        self.add_image("edgeprime/sluice", root, "/usr/bin/sluice-agent", user="65532:65532")

    def configuration(self):
        return {
            "Kubeconfig": str(self.control_plane.kubeconfig), "State": str(self.folder / "pods"),
            "Logs": str(self.folder / "logs"),
            "Container": str(self.programs["container"]), "APIServer": f"{ROUTER}:{PORT}",
            "PodBridge": "pods0", "PodGateway": POD_GATEWAY, "Images": self.images,
            "Nodes": [{"Name": node.node_name, "Address": node.address,
                       "NetNS": f"/proc/{node.holder.pid}/ns/net", "MountNS": f"/proc/{node.holder.pid}/ns/mnt",
                       "Labels": {"node-role.kubernetes.io/gateway": ""}} for node in self.lan.nodes],
            **self.settings}

    def start(self):
        path = self.folder / "node.json"
        path.write_text(json.dumps(self.configuration(), indent=1))
        for name in ("pods", "logs"):
            (self.folder / name).mkdir(exist_ok=True)
        self.daemons.start("node", self.lan.router, self.programs["node"], "--config", path)
        api = self.control_plane.api()
        api.wait("the nodes", lambda: len(api.list("Node")) == len(self.lan.nodes))
        api.close()
        return self
