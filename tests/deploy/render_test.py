#!/usr/bin/env python3
"""Chart, plain manifests and Kustomize base say the same; values reach where they belong."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import manifests
from manifests import by_key, chart, crds, kustomize, one, plain

DIGEST = "sha256:" + "ab" * 32


def containers(documents):
    return {c["name"]: c for c in one(documents, "DaemonSet")["spec"]["template"]["spec"]["containers"]}


class Forms(unittest.TestCase):
    maxDiff = None

    def test_generated_files_are_up_to_date(self):
        done = subprocess.run([manifests.DEPLOY / "render", "--check"], stdout=subprocess.PIPE, text=True)
        self.assertEqual((done.stdout, done.returncode), ("up to date\n", 0))

    def test_chart_is_plain(self):
        self.assertEqual(by_key(crds() + chart({"namespace": {"create": True}})), by_key(plain()))

    def test_kustomize_base_is_plain(self):
        self.assertEqual(by_key(kustomize(manifests.DEPLOY / "kustomize/base")), by_key(plain()))

    def test_versions_agree(self):
        version = re.search(r"project\(sluice VERSION (\S+)", (manifests.SOURCE / "CMakeLists.txt").read_text()).group(1)
        for name in ("sluice", "sluice-crds"):
            about = manifests.load((manifests.DEPLOY / "chart" / name / "Chart.yaml").read_text())[0]
            self.assertEqual((name, about["version"], about["appVersion"]), (name, version, version))

    def test_every_example_builds(self):
        folders = sorted(p.parent for p in (manifests.DEPLOY / "examples").rglob("kustomization.yaml"))
        self.assertTrue(folders)
        for folder in folders:
            with self.subTest(folder.name):
                self.assertEqual(one(kustomize(folder), "DaemonSet")["metadata"]["name"], "sluice")

    def test_values_of_the_examples_are_accepted(self):
        files = sorted((manifests.DEPLOY / "examples").rglob("*values.yaml"))
        self.assertTrue(files)
        for file in files:
            with self.subTest(file.name):
                values = manifests.load(file.read_text())[0]
                self.assertTrue(one(chart(values.get("sluice", values)), "DaemonSet"))

    def test_a_wrapper_chart_builds(self):
        with tempfile.TemporaryDirectory() as folder:
            copied = shutil.copytree(manifests.DEPLOY, pathlib.Path(folder) / "deploy")
            wrapper = copied / "examples/argocd-wrapper"
            done = manifests.run(manifests.tools() / "helm", "dependency", "build", "--skip-refresh", wrapper)
            self.assertEqual(done.returncode, 0, done.stderr)
            documents = manifests.helm(wrapper)
        self.assertEqual([li["hostname"] for li in one(documents, "Gateway")["spec"]["listeners"]],
                         ["*.apps.edgeprime.io", "*.exitthecloud.eu"])
        self.assertEqual(one(documents, "ClusterRole", "sluice-secrets")["rules"][0]["resources"], ["secrets"])


class Components(unittest.TestCase):
    maxDiff = None

    # Each component of the Kustomize base does what a value of the chart does.
    ROWS = [
        ("secrets-cluster", {"secrets": {"scope": "cluster"}}),
        ("kubeprism", {"apiServer": "https://localhost:7445"}),
        ("control-planes", {"tolerations": [
            {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}]}),
    ]

    def test_is_a_value(self):
        for name, values in self.ROWS:
            with self.subTest(name):
                folder = manifests.SOURCE / "tests/deploy/kustomizations" / name
                made, wanted = by_key(kustomize(folder)), by_key(crds() + chart({"namespace": {"create": True}} | values))
                for documents in (made, wanted):  # the order of options is free
                    for container in containers(documents.values()).values():
                        container["args"].sort()
                self.assertEqual(made, wanted)

    def test_all_are_tested(self):
        folders = {p.parent.name for p in (manifests.DEPLOY / "kustomize/components").glob("*/kustomization.yaml")}
        self.assertEqual(folders, {name for name, _ in self.ROWS})


class Values(unittest.TestCase):
    maxDiff = None

    def test_image(self):
        rows = [
            ({}, "ghcr.io/edgeprime/sluice:0.1.0"),
            ({"registry": "harbor.example.com/ghcr"}, "harbor.example.com/ghcr/edgeprime/sluice:0.1.0"),
            ({"registry": "harbor.example.com:8443", "repository": "mirror/sluice", "tag": "v1"},
             "harbor.example.com:8443/mirror/sluice:v1"),
            ({"tag": "v1", "digest": DIGEST}, "ghcr.io/edgeprime/sluice@" + DIGEST),
            ({"registry": "", "repository": "sluice"}, "sluice:0.1.0"),
        ]
        for image, wanted in rows:
            with self.subTest(image):
                got = {c["image"] for c in containers(chart({"image": image})).values()}
                self.assertEqual(got, {wanted})

    def test_options_of_the_agent(self):
        values = {"interfaces": ["bond0", "eth1"], "attach": "tcx", "apiServer": "https://localhost:7445",
                  "secrets": {"namespaces": ["gateway-system", "certs"]},
                  "metrics": {"agent": "$(HOST_IP):9464"}, "proxy": {"user": 1000}}
        self.assertEqual(containers(chart(values, "edge"))["agent"]["args"], [
            "--in-cluster", "--api-server=https://localhost:7445", "--namespace=$(POD_NAMESPACE)", "--daemonset=sluice",
            "--node=$(NODE_NAME)",
            "--secret-namespace=gateway-system", "--secret-namespace=certs", "--interface=bond0", "--interface=eth1",
            "--attach=tcx", "--bpffs=/bpf", "--proxy-socket=/run/proxy/agent.sock", "--take-over", "--proxy-uid=1000",
            "--metrics=$(HOST_IP):9464"])

    def test_options_of_the_proxy(self):
        values = {"proxy": {"workers": 4, "drainSeconds": 120, "user": 1000}, "metrics": {"proxy": "off"}}
        documents = chart(values)
        proxy = containers(documents)["proxy"]
        self.assertEqual(proxy["args"], ["--supervise", "--agent-socket=/run/proxy/agent.sock", "--workers=4",
                                         "--drain-timeout=120", "--metrics=off"])
        self.assertEqual((proxy["securityContext"]["runAsUser"], proxy["securityContext"]["runAsGroup"]), (1000, 1000))
        spec = one(documents, "DaemonSet")["spec"]["template"]["spec"]
        self.assertEqual(spec["terminationGracePeriodSeconds"], 135)

    def test_pools(self):
        pool = {"ranges": ["192.168.0.200-192.168.0.210"], "interfaces": ["eth0"], "announce": False}
        made = one(chart({"pools": [{"name": "lan"} | pool]}), "AddressPool")
        self.assertEqual((made["metadata"]["name"], made["spec"]), ("lan", pool))

    def test_parameters_of_the_class(self):
        documents = chart({"gatewayClass": {"name": "edge", "parameters": {"accessLog": {"format": "Text"}}}}, "edge-system")
        self.assertEqual(one(documents, "GatewayClass")["spec"]["parametersRef"], {
            "group": "sluice.edgeprime.io", "kind": "GatewayParameters", "name": "edge", "namespace": "edge-system"})
        parameters = one(documents, "GatewayParameters", "edge")
        self.assertEqual((parameters["metadata"]["namespace"], parameters["spec"]),
                         ("edge-system", {"accessLog": {"format": "Text"}}))

    def test_everything_is_in_the_namespace_of_the_release(self):
        found = {d["metadata"].get("namespace") for d in chart(namespace="edge")}
        subjects = {s["namespace"] for d in chart(namespace="edge") for s in d.get("subjects", [])}
        self.assertEqual((found, subjects), ({None, "edge"}, {"edge"}))

    def test_bad_values_are_refused(self):
        rows = [
            ({"image": {"tag": "latest"}}, "image"),
            ({"image": {"digest": "sha256:short"}}, "digest"),
            ({"imagee": {}}, "imagee"),
            ({"interfaces": []}, "interfaces"),
            ({"attach": "magic"}, "attach"),
            ({"apiServer": "localhost:7445"}, "apiServer"),
            ({"pools": [{"name": "lan"}]}, "ranges"),
            ({"pools": [{"name": "lan", "ranges": ["10.0.0.1"], "range": "x"}]}, "range"),
            ({"secrets": {"scope": "some"}}, "scope"),
            ({"secrets": {"scope": "cluster", "namespaces": ["a"]}}, "namespaces"),
            ({"metrics": {"agent": "9464"}}, "metrics"),
            ({"proxy": {"user": 0}}, "user"),
            ({"proxy": {"workers": 121}}, "workers"),
            ({"agent": {"extraArgs": ["x"]}}, "extraArgs"),
        ]
        for values, named in rows:
            with self.subTest(values):
                with self.assertRaisesRegex(ValueError, named):
                    chart(values)

    def test_helm_lint(self):
        for name in ("sluice", "sluice-crds"):
            done = manifests.run(manifests.tools() / "helm", "lint", "--strict", manifests.DEPLOY / "chart" / name)
            self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    manifests.tools()  # without them the whole file is skipped, and says why
    unittest.main()
