#!/usr/bin/env python3
"""What is deployed may do exactly what SECURITY.md says, whatever the values and the form."""
import functools
import unittest

import yaml

import manifests
from manifests import chart, key, kustomize, one, plain

CONTAINERS = {
    "agent": {"runAsUser": 0, "runAsGroup": 0, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
              "capabilities": {"drop": ["ALL"], "add": ["BPF", "NET_ADMIN", "PERFMON"]}},
    "proxy": {"runAsUser": 65532, "runAsGroup": 65532, "runAsNonRoot": True, "allowPrivilegeEscalation": False,
              "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
}
MOUNTS = {
    "agent": {"/var/run/secrets/kubernetes.io/serviceaccount": ("token", True), "/run/sluice": ("run", False),
              "/run/proxy": ("proxy", False), "/var/lib/sluice": ("state", False), "/bpf": ("bpffs", False)},
    "proxy": {"/run/proxy": ("proxy", True)},
}
HOST_PATHS = {"run": {"path": "/run/sluice", "type": "DirectoryOrCreate"}, "bpffs": {"path": "/sys/fs/bpf", "type": "Directory"}}
MEMORY = {"proxy", "state"}
# The whole of what the agents may do, by role: (group, resource[/subresource]) -> verbs. A name in
# brackets is the only object that a rule holds for.
SEE = "list watch"
GATEWAY_KINDS = ("gatewayclasses", "gateways", "listenersets", "httproutes", "grpcroutes", "tlsroutes", "tcproutes",
                 "udproutes", "backendtlspolicies")
ROLES = {
    "ClusterRole sluice-agent": {
        **{f"gateway.networking.k8s.io/{kind}": "get " + SEE for kind in GATEWAY_KINDS},
        **{f"gateway.networking.k8s.io/{kind}/status": "patch" for kind in GATEWAY_KINDS},
        "gateway.networking.k8s.io/referencegrants": SEE,
        "sluice.edgeprime.io/addresspools": "get " + SEE, "sluice.edgeprime.io/addresspools/status": "patch",
        "sluice.edgeprime.io/gatewayparameters": SEE,
        "/configmaps": SEE, "/namespaces": SEE, "/nodes": SEE, "discovery.k8s.io/endpointslices": SEE,
        "/services": "get create update delete " + SEE,
        "sluice.edgeprime.io/nodereports": "get create patch delete " + SEE,
        "apiextensions.k8s.io/customresourcedefinitions [gateways.gateway.networking.k8s.io]": SEE,
    },
    "Role sluice-system/sluice-agent": {
        "coordination.k8s.io/leases": "create", "coordination.k8s.io/leases [sluice-agent]": "get update",
        "/secrets": "create", "/secrets [sluice-keys]": SEE,
        "apps/daemonsets [sluice]": "get",
    },
}


def granted(documents):
    """{role: {what: verbs}} of all roles."""
    roles = {}
    for document in documents:
        if document["kind"] not in ("Role", "ClusterRole"):
            continue
        kind, namespace, name = key(document)
        rules = roles.setdefault(f"{kind} {namespace + '/' if namespace else ''}{name}", {})
        for rule in document["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for object_name in rule.get("resourceNames", [None]):
                        what = f"{group}/{resource}" + (f" [{object_name}]" if object_name else "")
                        rules.setdefault(what, set()).update(rule["verbs"])
    return roles


def wanted(**secrets):
    roles = {name: {what: set(verbs.split()) for what, verbs in rules.items()} for name, rules in ROLES.items()}
    for role in secrets.get("roles", []):
        roles[role] = {"/secrets": {"list", "watch"}}
    return roles


# Every form that a user may apply, by a name for the message.
@functools.cache
def forms():
    return list(make_forms())


def make_forms():
    yield "plain", plain()
    yield "chart", chart()
    yield "chart with all values", chart({
        "image": {"digest": "sha256:" + "00" * 32, "pullSecrets": ["pull"]}, "secrets": {"scope": "cluster"},
        "apiServer": "https://localhost:7445", "pools": [{"name": "lan", "ranges": ["10.0.0.1"]}],
        "tolerations": [{"operator": "Exists"}], "podLabels": {"a": "b"}, "podAnnotations": {"a": "b"}})
    for folder in sorted((manifests.SOURCE / "tests/deploy/kustomizations").iterdir()):
        yield folder.name, kustomize(folder)


class Pod(unittest.TestCase):
    maxDiff = None

    def each(self):
        for _, documents in forms():
            yield one(documents, "DaemonSet")["spec"]

    def test_shares_the_network_and_nothing_else(self):
        for spec in self.each():
            pod = spec["template"]["spec"]
            self.assertEqual({k: v for k, v in pod.items() if k.startswith("host") or k == "shareProcessNamespace"},
                             {"hostNetwork": True})

    def test_privileges_are_exactly_these(self):
        for spec in self.each():
            pod = spec["template"]["spec"]
            self.assertNotIn("initContainers", pod)
            self.assertEqual({c["name"]: c["securityContext"] for c in pod["containers"]}, CONTAINERS)
            self.assertEqual(pod["securityContext"], {"seccompProfile": {"type": "RuntimeDefault"}})

    def test_mounts_are_exactly_these(self):
        for spec in self.each():
            pod = spec["template"]["spec"]
            mounts = {c["name"]: {m["mountPath"]: (m["name"], m.get("readOnly", False)) for m in c["volumeMounts"]}
                      for c in pod["containers"]}
            self.assertEqual(mounts, MOUNTS)
            volumes = {v["name"]: v for v in pod["volumes"]}
            self.assertEqual({n: v["hostPath"] for n, v in volumes.items() if "hostPath" in v}, HOST_PATHS)
            self.assertEqual({n: v["emptyDir"]["medium"] for n, v in volumes.items() if "emptyDir" in v},
                             dict.fromkeys(MEMORY, "Memory"))

    def test_the_token_is_in_the_agent_alone(self):
        for spec in self.each():
            pod = spec["template"]["spec"]
            self.assertIs(pod["automountServiceAccountToken"], False)
            tokens = {v["name"] for v in pod["volumes"] if "serviceAccountToken" in str(v) or "secret" in v}
            holders = {c["name"] for c in pod["containers"] for m in c["volumeMounts"] if m["name"] in tokens}
            self.assertEqual((tokens, holders), ({"token"}, {"agent"}))
            volume = next(v for v in pod["volumes"] if v["name"] == "token")
            self.assertEqual(volume["projected"]["defaultMode"], 0o400)

    def test_two_pods_fit_on_a_node(self):
        for spec in self.each():
            self.assertEqual(spec["updateStrategy"],
                             {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
            for container in spec["template"]["spec"]["containers"]:
                self.assertNotIn("ports", container)

    def test_is_probed_by_commands(self):
        for spec in self.each():
            probes = {(c["name"], name): probe for c in spec["template"]["spec"]["containers"]
                      for name, probe in c.items() if name.endswith("Probe")}
            self.assertEqual(set(probes), {("agent", "readinessProbe")})
            for probe in probes.values():
                self.assertEqual(set(probe) & {"exec", "httpGet", "tcpSocket", "grpc"}, {"exec"})
                self.assertEqual(probe["exec"]["command"][:2], ["/usr/bin/sluice-agent", "--ready"])

    def test_image_has_a_version(self):
        for spec in self.each():
            for container in spec["template"]["spec"]["containers"]:
                self.assertRegex(container["image"], r"(:[^:/@]+|@sha256:[0-9a-f]{64})$")
                self.assertNotRegex(container["image"], r":latest$")

    def test_has_bounds(self):
        for spec in self.each():
            for container in spec["template"]["spec"]["containers"]:
                self.assertEqual((set(container["resources"]["requests"]), set(container["resources"]["limits"])),
                                 ({"cpu", "memory"}, {"memory"}))  # a limit on CPU would stall the VIPs' heartbeat

    def test_drains_within_its_grace(self):
        for spec in self.each():
            pod = spec["template"]["spec"]
            arguments = [a for c in pod["containers"] for a in c["args"] if a.startswith("--drain-timeout=")]
            self.assertGreater(pod["terminationGracePeriodSeconds"], int(arguments[0].split("=")[1]))


class Rights(unittest.TestCase):
    maxDiff = None

    def test_no_wildcard(self):
        for name, documents in forms():
            with self.subTest(name):
                for document in documents:
                    if document["kind"] in ("Role", "ClusterRole"):
                        self.assertNotIn("*", yaml.safe_dump(document["rules"]))
                        self.assertNotIn("nonResourceURLs", yaml.safe_dump(document["rules"]))

    def test_rights_by_default(self):
        self.assertEqual(granted(plain()), wanted(roles=["Role sluice-system/sluice-secrets"]))

    def test_rights_with_secrets_of_some_namespaces(self):
        made = granted(chart({"secrets": {"namespaces": ["gateway-system", "certs"]}}))
        self.assertEqual(made, wanted(roles=["Role gateway-system/sluice-secrets", "Role certs/sluice-secrets"]))

    def test_rights_with_secrets_of_the_cluster(self):
        made = granted(chart({"secrets": {"scope": "cluster"}}))
        self.assertEqual(made, wanted(roles=["ClusterRole sluice-secrets"]))
        arguments = one(chart({"secrets": {"scope": "cluster"}}), "DaemonSet")["spec"]["template"]["spec"]["containers"][0]["args"]
        self.assertFalse([a for a in arguments if a.startswith("--secret-namespace")])

    def test_every_role_is_bound_to_the_account_alone(self):
        for name, documents in forms():
            with self.subTest(name):
                roles = {(d["kind"], *key(d)[1:]) for d in documents if d["kind"] in ("Role", "ClusterRole")}
                bound = set()
                for document in documents:
                    if document["kind"] in ("RoleBinding", "ClusterRoleBinding"):
                        self.assertEqual(document["subjects"], [
                            {"kind": "ServiceAccount", "name": "sluice-agent", "namespace": "sluice-system"}])
                        bound.add((document["roleRef"]["kind"], document["metadata"].get("namespace", ""),
                                   document["roleRef"]["name"]))
                self.assertEqual(bound, roles)


class Namespace(unittest.TestCase):
    def test_says_that_it_is_privileged(self):
        labels = one(plain(), "Namespace")["metadata"]["labels"]
        self.assertEqual({k: v for k, v in labels.items() if "pod-security" in k},
                         {f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("enforce", "audit", "warn")})


if __name__ == "__main__":
    manifests.tools()  # without them the whole file is skipped, and says why
    unittest.main()
