"""Sluice on the lab's nodes: from the manifests that users apply, or plainly.

From the manifests (deploy/plain) is the real thing: the DaemonSet's pods, with their users,
capabilities and mounts. What the lab changes in them is listed in `adapt`. Plainly means the launcher
on each node with the administrator's kubeconfig: for work on the programs themselves.
"""
import pathlib

import yaml

from lab.gateway import LAUNCHER, descendants

from cluster import ROOT
from cluster.api import ApiError, condition
from cluster.objects import CLASS, IPV6_VIPS, NAMESPACE, address_pool, gateway_class, namespace
from cluster.lan import VIPS

DEPLOY = ROOT / "deploy"
ACCEPTED_SECONDS = 60


def documents(folder):
    """Every object in the YAML files below the folder, in the files' order."""
    found = []
    for path in sorted(pathlib.Path(folder).rglob("*.yaml")):
        if path.name != "kustomization.yaml":
            found += [one for one in yaml.safe_load_all(path.read_text()) if one]
    return found


def definitions():
    """The CustomResourceDefinitions of Sluice's own kinds."""
    return [one for one in documents(DEPLOY / "plain") if one["kind"] == "CustomResourceDefinition"]


def adapt(found, attach="xdp"):
    """The same objects as they fit the lab: Secrets of all namespaces (the suite needs them), and a veth
    whose other end lets XDP transmit."""
    for one in found:
        if one["kind"] != "DaemonSet":
            continue
        for container in one["spec"]["template"]["spec"]["containers"]:
            if container["name"] == "agent":
                container["args"] = [f"--attach={attach}" if word.startswith("--attach") else word for word in container["args"]
                                     if not word.startswith("--secret-namespace")]
    return found


class Sluice:
    def __init__(self, laboratory, bin_folder):
        self.laboratory = laboratory
        self.bin = pathlib.Path(bin_folder)
        self.daemons = []

    @property
    def api(self):
        return self.laboratory.api

    def prepare(self):
        """What both ways have in common: kinds and addresses."""
        self.apply(definitions())
        self.api.apply(namespace(NAMESPACE, **{"pod-security.kubernetes.io/enforce": "privileged"}))
        self.api.wait("Sluice's kinds", lambda: self.api.list("AddressPool") is not None)
        self.api.apply(address_pool(VIPS, IPV6_VIPS))

    def apply(self, objects):
        """By kubectl, which knows every kind; in the order that objects need each other."""
        first = ("CustomResourceDefinition", "Namespace", "ServiceAccount")
        ordered = sorted(objects, key=lambda one: first.index(one["kind"]) if one["kind"] in first else
                         len(first) + (one["kind"] == "DaemonSet"))
        if ordered:
            self.laboratory.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(ordered))

    def deploy(self, attach="xdp"):
        """As a DaemonSet."""
        self.prepare()
        everything = [one for one in documents(DEPLOY / "plain") if one["kind"] not in ("CustomResourceDefinition", "AddressPool")]
        everything += documents(DEPLOY / "kustomize" / "components" / "secrets-cluster")
        self.apply(adapt(everything, attach))  # pods come after the roles: they are applied in that order
        return self

    def start_plainly(self, attach="xdp"):
        self.prepare()
        self.api.apply(gateway_class())
        for node in self.laboratory.lan.nodes:
            self.daemons.append(self.laboratory.daemons.start(
                f"sluice-{node.node_name}", node, self.bin / LAUNCHER, "--kubeconfig", self.laboratory.control_plane.kubeconfig,
                "--namespace", NAMESPACE, "--node", node.node_name, "--interface", "eth0", "--attach", attach,
                "--state-dir", "/run/sluice-state"))
        return self

    def wait_accepted(self, name=CLASS, seconds=ACCEPTED_SECONDS):
        """Until the class is Accepted; a start that fails says why."""
        def accepted():
            dead = next((daemon for daemon in self.daemons if not daemon.running()), None)
            if dead is not None:
                raise RuntimeError(f"{dead.name} ended with status {dead.process.returncode}:\n{dead.tail(25)}")
            return condition(self.api.get("GatewayClass", name), "Accepted") == "True"
        try:
            self.api.wait(f"GatewayClass {name} to be Accepted", accepted, seconds)
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{self.explain(name)}") from None
        return self

    def explain(self, name=CLASS):
        """What there is to see of a Sluice that does not come up."""
        found = self.api.get("GatewayClass", name)
        lines = [f"conditions of {name}: {found and found.get('status', {}).get('conditions')}"]
        for daemon in self.daemons:
            lines.append(f"--- {daemon.name}\n{daemon.tail(25)}")
        try:
            pods = self.api.list("Pod", NAMESPACE)
        except ApiError:
            pods = []
        for pod in pods:
            for status in pod.get("status", {}).get("containerStatuses", []):
                lines.append(f"--- {pod['metadata']['name']} {status['name']}: {status['state']}")
                try:
                    lines.append(self.api.log(NAMESPACE, pod["metadata"]["name"], status["name"], tailLines=25))
                except ApiError as error:
                    lines.append(str(error))
        return "\n".join(lines)

    def processes(self):
        """Every process of Sluice in the lab."""
        roots = [daemon.process.pid for daemon in self.daemons if daemon.running()]
        return [pid for root in roots for pid in descendants(root)]
