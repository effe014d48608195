"""A Kubernetes cluster without containers, on a LAN of network namespaces.

    programs.py       what is built from Go modules, and where it is kept
    lan.py            router, client, nodes; the pods' bridge
    daemons.py        long-running programs: start, stop, kill
    control_plane.py  etcd, kube-apiserver, kube-controller-manager
    nodes.py          the node program (../node) and the images that it knows
    api.py            a client of the API server
    objects.py        what the lab itself puts into the cluster
    sluice.py         Sluice on it, plainly or from its manifests
    laboratory.py     all of that, started and stopped
    attached.py       one that another process holds
    suite.py          the conformance suite: run it, read its output
    table.py          its results for people
The router's namespace is the control plane's host. Only one thread uses a laboratory.
"""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "tests" / "conformance"
sys.path.insert(0, str(ROOT / "tests" / "lab"))  # the library that makes namespaces
