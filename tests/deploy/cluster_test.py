#!/usr/bin/env python3
"""What deploy/ says, said to a real API server: it accepts all of it as it stands, grants exactly the
rights that are meant, and answers objects as testdata/ expects.

The control plane of the conformance laboratory, without nodes: pods are judged, not run.
"""
import copy
import subprocess
import sys
import unittest

import yaml

import manifests

sys.path.insert(0, str(manifests.SOURCE / "tests/conformance"))

from cluster.case import bin_folder, reason_to_skip  # noqa: E402
from cluster.laboratory import Laboratory  # noqa: E402

ACCOUNT = "system:serviceaccount:sluice-system:sluice-agent"
APPLY = ("apply", "--server-side", "--validate=strict")


def setUpModule():
    Cluster.laboratory = Laboratory(bin_folder() / "lab-pass.bpf.o", nodes=0)
    unittest.addModuleCleanup(Cluster.laboratory.close)
    Cluster.laboratory.control_plane.start()
    Cluster.laboratory.install_definitions()
    Cluster.kubectl(*APPLY, "-f", manifests.DEPLOY / "plain")


class Cluster(unittest.TestCase):
    """One cluster for all, with the plain manifests applied; who takes them away puts them back."""
    maxDiff = None
    laboratory = None

    @classmethod
    def run_there(cls, *words, stdin=None):
        """(exit status, what was printed) of a program beside the API server."""
        host, plane = cls.laboratory.lan.router, cls.laboratory.control_plane
        done = subprocess.run([*host.enter(), "env", f"KUBECONFIG={plane.kubeconfig}", *map(str, words)], text=True,
                              input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        return done.returncode, done.stdout

    @classmethod
    def kubectl(cls, *words, stdin=None, fails=False):
        code, said = cls.run_there(cls.laboratory.programs["kubectl"], *words, stdin=stdin)
        if (code != 0) != fails:
            raise AssertionError(f"kubectl {' '.join(map(str, words))}: {said}")
        return said

    def live(self, document):
        kind, namespace, name = manifests.key(document)
        words = ["-n", namespace] if namespace else []
        group = document["apiVersion"].rpartition("/")[0]
        return yaml.safe_load(self.kubectl("get", f"{kind}.{group}" if group else kind, name, *words, "-o", "yaml"))


def missing(wanted, got, path=""):
    """Paths of `wanted` that are not in `got`, or differ."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return [m for k, v in wanted.items() for m in (missing(v, got[k], f"{path}.{k}") if k in got else [f"{path}.{k}"])]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [m for i, v in enumerate(wanted) for m in missing(v, got[i], f"{path}[{i}]")]
    return [] if wanted == got else [f"{path}: {wanted!r} became {got!r}"]


class Install(Cluster):
    def test_applying_again_changes_nothing(self):
        self.kubectl(*APPLY, "-f", manifests.DEPLOY / "plain")
        before = {manifests.key(d): self.live(d)["metadata"]["resourceVersion"] for d in manifests.plain()}
        self.kubectl(*APPLY, "-f", manifests.DEPLOY / "plain")
        after = {manifests.key(d): self.live(d)["metadata"]["resourceVersion"] for d in manifests.plain()}
        self.assertEqual(after, before)

    def test_nothing_is_dropped(self):
        for document in manifests.plain():
            with self.subTest(manifests.key(document)):
                self.assertEqual(missing(document, self.live(document)), [])

    def test_kinds_are_established(self):
        said = self.kubectl("wait", "--for", "condition=Established", "--timeout=30s", "crd",
                            "addresspools.sluice.edgeprime.io", "gatewayparameters.sluice.edgeprime.io", "nodereports.sluice.edgeprime.io")
        self.assertEqual(said.count("condition met"), 3)
        for crd in manifests.crds():  # a schema that is not structural would be reported here
            conditions = {c["type"]: c["status"] for c in self.live(crd)["status"]["conditions"]}
            self.assertEqual(conditions, {"NamesAccepted": "True", "Established": "True"})

    def test_people_see_columns(self):
        self.kubectl(*APPLY, "-f", "-", stdin="""
apiVersion: sluice.edgeprime.io/v1alpha1
kind: AddressPool
metadata: {name: columns}
spec: {ranges: [192.168.0.200-192.168.0.210]}
""")
        self.addCleanup(self.kubectl, "delete", "addresspool", "columns")
        lines = self.kubectl("get", "pools").splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "RANGES", "ANNOUNCE", "AGE"])
        self.assertEqual(lines[1].split()[:3], ["columns", '["192.168.0.200-192.168.0.210"]', "true"])

    def test_examples_are_accepted(self):
        kustomizations = sorted(p.parent for p in (manifests.DEPLOY / "examples").rglob("kustomization.yaml"))
        for folder in kustomizations:
            with self.subTest(folder.name):
                self.dry_run(manifests.kustomize(folder))
        values = sorted((manifests.DEPLOY / "examples").rglob("*values.yaml"))
        for file in values:
            with self.subTest(file):
                given = yaml.safe_load(file.read_text())
                self.dry_run(manifests.chart(given.get("sluice", given)))
        for file in sorted((manifests.DEPLOY / "examples").rglob("manifests/*.yaml")):
            with self.subTest(file):
                self.dry_run(manifests.load(file.read_text()))

    def dry_run(self, documents):
        for namespace in {d["metadata"].get("namespace") for d in documents} - {None, "sluice-system"}:
            self.kubectl(*APPLY, "-f", "-", stdin=yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}))
        self.kubectl(*APPLY, "--dry-run=server", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(documents))


class Helm(Cluster):
    """In a namespace of its own, while the plain manifests are away."""

    def helm(self, *words):
        code, said = self.run_there(manifests.tools() / "helm", *words)
        self.assertEqual(code, 0, said)
        return said

    def test_install_upgrade_uninstall(self):
        self.kubectl("delete", "--wait", "-f", manifests.DEPLOY / "plain")
        self.addCleanup(self.kubectl, *APPLY, "--force-conflicts", "-f", manifests.DEPLOY / "plain")
        self.kubectl("create", "namespace", "edge")
        charts = manifests.DEPLOY / "chart"
        self.helm("install", "sluice-crds", charts / "sluice-crds", "-n", "edge", "--wait")
        options = ("-n", "edge", "--set", "pools[0].name=lan", "--set", "pools[0].ranges[0]=192.168.0.200")
        self.helm("install", "sluice", charts / "sluice", *options)
        self.assertEqual(self.images("edge"), {"ghcr.io/edgeprime/sluice:0.1.0"})
        self.helm("upgrade", "sluice", charts / "sluice", *options, "--set", "image.tag=0.1.1")
        self.assertEqual(self.images("edge"), {"ghcr.io/edgeprime/sluice:0.1.1"})
        self.helm("rollback", "sluice", "1", "-n", "edge")
        self.assertEqual(self.images("edge"), {"ghcr.io/edgeprime/sluice:0.1.0"})
        self.helm("uninstall", "sluice", "-n", "edge", "--wait")
        self.helm("uninstall", "sluice-crds", "-n", "edge", "--wait")
        left = self.kubectl("get", "clusterroles,clusterrolebindings,gatewayclasses,crd", "-l", "app.kubernetes.io/name=sluice", "-o", "name")
        self.assertEqual({line.split("/")[0] for line in left.split()}, {"customresourcedefinition.apiextensions.k8s.io"})
        self.assertEqual(self.kubectl("get", "serviceaccount,role,rolebinding,daemonset", "-n", "edge", "-l", "app.kubernetes.io/name=sluice", "-o", "name"),
                         "")

    def images(self, namespace):
        daemon_set = yaml.safe_load(self.kubectl("get", "daemonset", "sluice", "-n", namespace, "-o", "yaml"))
        return {c["image"] for c in daemon_set["spec"]["template"]["spec"]["containers"]}


class Objects(Cluster):
    def test_are_judged_as_expected(self):
        for file in sorted((manifests.SOURCE / "tests/deploy/testdata").glob("*.yaml")):
            for document in manifests.load(file.read_text()):
                expect = document["metadata"].pop("annotations", {}).get("expect", "").split("\n")
                if document["kind"] == "GatewayParameters":
                    document["metadata"]["namespace"] = "sluice-system"
                with self.subTest(manifests.key(document)):
                    said = self.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.safe_dump(document),
                                        fails=bool(expect[0]))
                    for text in expect:
                        self.assertIn(text.replace("unknown field ", 'unknown field "').rstrip(), said)


class PodSecurity(Cluster):
    def pod(self, *names, **changes):
        template = copy.deepcopy(manifests.one(manifests.plain(), "DaemonSet")["spec"]["template"])
        spec = template["spec"]
        spec["containers"] = [c for c in spec["containers"] if c["name"] in names]
        mounted = {m["name"] for c in spec["containers"] for m in c["volumeMounts"]}
        spec["volumes"] = [v for v in spec["volumes"] if v["name"] in mounted]
        spec.update({"serviceAccountName": "default", **changes})
        spec.pop("priorityClassName")
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": template["metadata"]["labels"]}, "spec": spec}

    def judge(self, level, pod, fails):
        namespace = f"level-{level}"
        self.kubectl(*APPLY, "-f", "-", stdin=yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": namespace, "labels": {"pod-security.kubernetes.io/enforce": level}}}))
        self.laboratory.control_plane.api().wait("the account", lambda: "default" in self.kubectl("get", "sa", "-n", namespace))
        return self.kubectl("create", "-n", namespace, "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(pod), fails=fails)

    def test_the_pod_fits_its_namespace(self):
        self.judge("privileged", self.pod("agent", "proxy"), fails=False)

    def test_the_proxy_is_restricted_but_for_the_network(self):
        self.judge("restricted", self.pod("proxy", hostNetwork=False, dnsPolicy="ClusterFirst"), fails=False)
        self.assertIn("host namespaces (hostNetwork=true)", self.judge("restricted", self.pod("proxy"), fails=True))


class Rights(Cluster):
    # verb, resource[/subresource], name or "", namespace or "" for all -> yes or no
    ROWS = [
        ("list", "httproutes.gateway.networking.k8s.io", "", "", True),
        ("watch", "services", "", "", True),
        ("list", "endpointslices.discovery.k8s.io", "", "", True),
        ("patch", "gateways.gateway.networking.k8s.io/status", "g", "team", True),
        ("update", "gateways.gateway.networking.k8s.io", "g", "team", False),
        ("patch", "addresspools.sluice.edgeprime.io/status", "lan", "", True),
        ("update", "addresspools.sluice.edgeprime.io", "lan", "", False),
        ("create", "services", "", "team", True),
        ("create", "nodereports.sluice.edgeprime.io", "", "", True),
        ("update", "leases.coordination.k8s.io", "sluice-agent", "sluice-system", True),
        ("update", "leases.coordination.k8s.io", "other", "sluice-system", False),
        ("create", "leases.coordination.k8s.io", "", "team", False),
        ("create", "secrets", "", "sluice-system", True),
        ("watch", "secrets", "sluice-keys", "sluice-system", True),
        ("update", "secrets", "sluice-keys", "sluice-system", False),
        ("update", "secrets", "other", "sluice-system", False),
        ("list", "secrets", "", "sluice-system", True),
        ("list", "secrets", "", "team", False),
        ("list", "secrets", "", "", False),
        ("get", "daemonsets.apps", "sluice", "sluice-system", True),
        ("delete", "daemonsets.apps", "sluice", "sluice-system", False),
        ("watch", "customresourcedefinitions.apiextensions.k8s.io", "gateways.gateway.networking.k8s.io", "", True),
        ("list", "customresourcedefinitions.apiextensions.k8s.io", "", "", False),
        ("create", "pods", "", "sluice-system", False),
        ("list", "pods", "", "", False),
        ("patch", "nodes", "n", "", False),
        ("impersonate", "users", "", "", False),
        ("escalate", "clusterroles.rbac.authorization.k8s.io", "", "", False),
    ]

    def may(self, verb, resource, name, namespace):
        resource, _, sub = resource.partition("/")
        words = [f"{resource}/{name}" if name else resource, *(["--subresource", sub] if sub else []),
                 *(["-n", namespace] if namespace else ["-A"])]
        code, said = self.run_there(self.laboratory.programs["kubectl"], "auth", "can-i", verb, *words, "--as", ACCOUNT)
        self.assertIn((code, said.splitlines()[-1].split()[0]), [(0, "yes"), (1, "no")], said)
        return code == 0

    def test_are_exactly_as_meant(self):
        for verb, resource, name, namespace, wanted in self.ROWS:
            with self.subTest(f"{verb} {resource} {name} {namespace}"):
                self.assertIs(self.may(verb, resource, name, namespace), wanted)

    def test_secrets_of_all_namespaces_only_if_asked_for(self):
        self.kubectl(*APPLY, "-f", "-", stdin=yaml.safe_dump_all(
            d for d in manifests.chart({"secrets": {"scope": "cluster"}}) if "sluice-secrets" in d["metadata"]["name"]))
        self.addCleanup(self.kubectl, "delete", "clusterrole,clusterrolebinding", "sluice-secrets")
        self.assertTrue(self.may("list", "secrets", "", ""))
        self.assertFalse(self.may("update", "secrets", "other", "team"))


if __name__ == "__main__":
    reason = reason_to_skip()
    if reason:
        print(f"SKIP: {reason}")
        sys.exit(manifests.SKIPPED)
    unittest.main()
