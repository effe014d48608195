"""What deploy/ yields, as Python objects: charts by helm, kustomizations by kustomize, plain files.

Helm and kustomize are compiled by build-tools; where that is not possible a test is skipped, with
the reason. Nothing here talks to a cluster.
"""
import pathlib
import subprocess
import sys
import tempfile

import yaml

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = SOURCE / "deploy"
NAMESPACE = "sluice-system"
SKIPPED = 77


def tools():
    built = subprocess.run([SOURCE / "tests/deploy/build-tools"], stdout=subprocess.PIPE, text=True)
    if built.returncode:
        sys.exit(built.returncode)
    return pathlib.Path(built.stdout.strip())


def load(text):
    return [document for document in yaml.safe_load_all(text) if document]


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def helm(chart, values=None, namespace=NAMESPACE):
    """The chart's objects; raises ValueError with what helm says of bad values."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values or {}, file)
        file.flush()
        done = run(tools() / "helm", "template", "sluice", chart, "--namespace", namespace, "--values", file.name)
    if done.returncode:
        raise ValueError(done.stderr)
    return load(done.stdout)


def chart(values=None, namespace=NAMESPACE):
    return helm(DEPLOY / "chart/sluice", values, namespace)


def crds():
    return helm(DEPLOY / "chart/sluice-crds")


def kustomize(folder):
    done = run(tools() / "kustomize", "build", folder)
    if done.returncode:
        raise ValueError(done.stderr)
    return load(done.stdout)


def plain():
    return [document for name in ("crds.yaml", "sluice.yaml")
            for document in load((DEPLOY / "plain" / name).read_text())]


def key(document):
    meta = document["metadata"]
    return document["kind"], meta.get("namespace", ""), meta["name"]


def by_key(documents):
    """As {key: document}; two documents of one key are an error."""
    found = {key(document): document for document in documents}
    if len(found) != len(documents):
        raise ValueError("an object occurs twice: " + str(sorted(key(d) for d in documents)))
    return found


def one(documents, kind, name=None):
    found = [d for d in documents if d["kind"] == kind and name in (None, d["metadata"]["name"])]
    if len(found) != 1:
        raise ValueError(f"{len(found)} objects {kind} {name or ''}")
    return found[0]
