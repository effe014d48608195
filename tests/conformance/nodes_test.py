"""The lab nodes themselves, with no gateway: what a pod gets and what it may not do.

What passes here and would fail on a real node makes every other result doubtful.
"""
import base64
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster import objects  # noqa: E402
from cluster.case import ClusterCase, main  # noqa: E402

# Bits of the default set: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
# net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
DEFAULT_CAPABILITIES = 0x00000000A80425FB
NET_ADMIN, BPF = 1 << 12, 1 << 39
RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "runAsUser": 65532, "runAsGroup": 65532,
              "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}


def fields(log):
    """The lines "Name:\tvalue" of /proc/self/status."""
    return {name: value.strip() for name, _, value in (line.partition(":") for line in log.splitlines()) if value}


class Confinement(ClusterCase):
    def privileges(self, name, context):
        self.run_pod(name, "cat /proc/self/status; echo end; sleep 60", {"securityContext": context})
        found = fields(self.wait_log(name, "end"))
        return {"uid": found["Uid"].split()[1], "effective": int(found["CapEff"], 16), "bounding": int(found["CapBnd"], 16),
                "no_new_privs": found["NoNewPrivs"], "seccomp": found["Seccomp"]}

    def test_security_contexts_hold(self):
        only = {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "BPF"]}, "allowPrivilegeEscalation": False}
        for name, context, wanted in (
            ("default", {}, {"uid": "0", "effective": DEFAULT_CAPABILITIES, "bounding": DEFAULT_CAPABILITIES,
                             "no_new_privs": "0", "seccomp": "0"}),
            ("restricted", RESTRICTED, {"uid": "65532", "effective": 0, "bounding": 0, "no_new_privs": "1", "seccomp": "2"}),
            ("added", only, {"uid": "0", "effective": NET_ADMIN | BPF, "bounding": NET_ADMIN | BPF, "no_new_privs": "1",
                             "seccomp": "0"}),
        ):
            with self.subTest(name):
                self.assertEqual(self.privileges(name, context), wanted)

    def test_a_read_only_root_and_refused_calls(self):
        script = ("touch /x 2>&1; touch /data/y && echo written; unshare -m true 2>&1; mount -t tmpfs none /tmp 2>&1; "
                  "echo 1 > /proc/sys/net/ipv4/ip_forward; cat /proc/kcore | head -c 1; ls /sys/firmware; echo end; sleep 60")
        self.run_pod("confined", script, {"securityContext": RESTRICTED, "volumeMounts": [{"name": "data", "mountPath": "/data"}]},
                     volumes=[{"name": "data", "emptyDir": {}}])
        log = self.wait_log("confined", "end")
        for text in ("touch: cannot touch '/x': Read-only file system", "written", "unshare failed: Operation not permitted",
                     "Read-only file system"):
            self.assertIn(text, log)

    def test_a_user_0_that_must_not_be_is_not_started(self):
        self.run_pod("root", "echo ran", {"securityContext": {"runAsNonRoot": True}})
        message = self.api.wait("a refusal", lambda: self.container("root").get("state", {}).get("waiting", {}).get("message"))
        self.assertIn("runAsNonRoot", message)

    def test_process_and_network_namespaces(self):
        self.run_pod("alone", "echo pid $$$$ host $(hostname); cat /proc/net/dev; echo end; sleep 60")
        log = self.wait_log("alone", "end")
        self.assertIn("pid 1 host alone", log)
        self.assertIn("eth0", log)
        self.run_pod("hosted", "echo host $(hostname); readlink /proc/self/ns/net; echo end; sleep 60", hostNetwork=True)
        self.assertIn("host node-", self.wait_log("hosted", "end"))


class Volumes(ClusterCase):
    def secret(self, name, **values):
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": self.namespace},
                "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}}

    def test_a_pod_waits_for_its_secret_and_follows_it(self):
        script = "while :; do cat /s/a /s/b; echo; sleep 0.1; done"
        self.run_pod("follower", script, {"volumeMounts": [{"name": "s", "mountPath": "/s"}]},
                     volumes=[{"name": "s", "secret": {"secretName": "late", "defaultMode": 0o400}}])
        self.api.wait("the message", lambda: "late" in self.pod_status("follower").get("message", ""))
        self.api.apply(self.secret("late", a="1", b="1"))
        self.wait_log("follower", "11")
        self.api.apply(self.secret("late", a="2", b="2"))
        log = self.wait_log("follower", "22")
        self.assertNotIn("12", log)  # never half of each

    def test_memory_is_shared_by_the_containers_of_a_pod(self):
        mount = {"volumeMounts": [{"name": "m", "mountPath": "/m"}]}
        tools = {"image": "lab/tools", **mount}
        spec = objects.pod("pair", self.namespace, "lab/tools", ["sh", "-c", "echo hello > /m/x; stat -f -c %T /m; sleep 60"], mount,
                           volumes=[{"name": "m", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}])
        spec["spec"]["containers"].append(
            {"name": "other", "command": ["sh", "-c", "while ! cat /m/x; do sleep 0.1; done; sleep 60"], **tools})
        self.api.apply(spec)
        self.api.wait("the other's log", lambda: "hello" in self.log("pair", "other"))
        self.assertIn("tmpfs", self.log("pair"))

    def test_a_folder_of_the_node_outlives_the_pod(self):
        volume = [{"name": "h", "hostPath": {"path": "/run/lab-test", "type": "DirectoryOrCreate"}}]
        mount = {"volumeMounts": [{"name": "h", "mountPath": "/h"}]}
        where = {"nodeSelector": {"kubernetes.io/hostname": "node-1"}, "volumes": volume}
        self.run_pod("writer", "echo kept > /h/x; echo end; sleep 60", mount, **where)
        self.wait_log("writer", "end")
        self.api.delete("Pod", "writer", self.namespace)
        self.run_pod("reader", "cat /h/x; sleep 60", mount, **where)
        self.wait_log("reader", "kept")
        self.assertFalse(pathlib.Path("/run/lab-test").exists())  # on the lab's node, not on this machine

    def test_the_token_is_good_and_bound_to_the_pod(self):
        folder = "/var/run/secrets/kubernetes.io/serviceaccount"
        self.run_pod("holder", f"cat {folder}/token; echo; cat {folder}/namespace; echo; ls -a {folder}; echo end; sleep 60")
        lines = self.wait_log("holder", "end").splitlines()
        self.assertEqual(lines[1], self.namespace)
        self.assertIn("..data", lines)
        review = self.api.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": lines[0]}})
        self.assertEqual(review["status"]["user"]["extra"]["authentication.kubernetes.io/pod-name"], ["holder"])


class Life(ClusterCase):
    def test_restarts_with_back_off_and_keeps_the_last_log(self):
        self.run_pod("failing", "echo run; exit 3")
        self.api.wait("the back-off", lambda: self.container("failing").get("state", {}).get("waiting", {}).get("reason")
                      == "CrashLoopBackOff")
        status = self.container("failing")
        self.assertEqual((status["restartCount"], status["lastState"]["terminated"]["exitCode"]), (1, 3))
        self.assertEqual(self.log("failing", previous="true"), "run\n")

    def test_one_that_ends_well_and_is_not_to_be_restarted(self):
        self.run_pod("done", "echo ok", restartPolicy="Never")
        self.api.wait("its end", lambda: self.pod_status("done").get("phase") == "Succeeded")

    def test_readiness_follows_the_exec_probe(self):
        probe = {"exec": {"command": ["cat", "/tmp/good"]}, "periodSeconds": 1, "failureThreshold": 1}
        self.run_pod("probed", "sleep 2; touch /tmp/good; sleep 60", {"readinessProbe": probe})
        self.api.wait("it to run", lambda: self.pod_status("probed").get("phase") == "Running")
        self.assertFalse(self.ready("probed"))
        self.wait_ready("probed")

    def test_liveness_restarts_only_that_container(self):
        probe = {"exec": {"command": ["sh", "-c", "! test -e /tmp/bad"]}, "periodSeconds": 1, "failureThreshold": 1}
        self.run_pod("lively", "touch /tmp/bad; trap 'exit 0' TERM; while :; do sleep 0.1; done", {"livenessProbe": probe})
        self.api.wait("a restart", lambda: self.container("lively").get("restartCount", 0) >= 1)

    def test_a_pod_has_its_grace_and_then_is_killed(self):
        for name, script, low, high in (("polite", "trap 'exit 0' TERM; while :; do sleep 0.1; done", 0, 2),
                                        ("deaf", "trap '' TERM; while :; do sleep 0.1; done", 3, 6)):
            self.run_pod(name, script, terminationGracePeriodSeconds=3)
            self.api.wait(f"{name} to run", lambda name=name: self.pod_status(name).get("phase") == "Running")
            time.sleep(0.5)  # the trap
            self.api.delete("Pod", name, self.namespace)
            took = self.within(10, lambda name=name: self.api.get("Pod", name, self.namespace) is None, f"the end of {name}")
            self.assertTrue(low <= took <= high, f"{name}: {took:.1f} s")

    def test_init_containers_come_first(self):
        spec = objects.pod("prepared", self.namespace, "lab/tools", ["sh", "-c", "cat /d/x; sleep 60"],
                           {"volumeMounts": [{"name": "d", "mountPath": "/d"}]}, volumes=[{"name": "d", "emptyDir": {}}])
        spec["spec"]["initContainers"] = [{"name": "first", "image": "lab/tools", "command": ["sh", "-c", "echo made > /d/x"],
                                           "volumeMounts": [{"name": "d", "mountPath": "/d"}]}]
        self.api.apply(spec)
        self.wait_log("prepared", "made")


class Daemons(ClusterCase):
    def daemon_set(self, version):
        labels = {"app": "daemon"}
        container = {"name": "main", "image": "lab/tools", "command": ["sh", "-c", f"echo {version}; sleep 600"],
                     "readinessProbe": {"exec": {"command": ["cat", "/etc/hostname"]}, "periodSeconds": 1, "initialDelaySeconds": 1}}
        return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "daemon", "namespace": self.namespace},
                "spec": {"selector": {"matchLabels": labels},
                         "updateStrategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                         "template": {"metadata": {"labels": labels},
                                      "spec": {"hostNetwork": True, "terminationGracePeriodSeconds": 1, "containers": [container]}}}}

    def pods(self):
        return [pod for pod in self.api.list("Pod", self.namespace) if "deletionTimestamp" not in pod["metadata"]]

    def settled(self):
        status = self.api.get("DaemonSet", "daemon", self.namespace)["status"]
        nodes = len(self.api.list("Node"))
        return (status.get("observedGeneration") == self.api.get("DaemonSet", "daemon", self.namespace)["metadata"]["generation"]
                and status.get("numberAvailable") == status.get("updatedNumberScheduled") == nodes and len(self.pods()) == nodes)

    def test_one_a_node_and_the_next_before_the_last_goes(self):
        self.api.apply(self.daemon_set("v1"))
        self.api.wait("a pod on each node", self.settled)
        nodes = sorted(node["metadata"]["name"] for node in self.api.list("Node"))
        self.assertEqual(sorted(pod["spec"]["nodeName"] for pod in self.pods()), nodes)
        self.api.apply(self.daemon_set("v2"))
        self.api.wait("two pods on a node", lambda: len(self.pods()) > len(nodes))
        self.api.wait("the update", self.settled)
        for pod in self.pods():
            self.assertEqual(self.log(pod["metadata"]["name"]), "v2\n")


class Echo(ClusterCase):
    def test_an_echo_pod_answers_and_its_log_says_so(self):
        self.api.apply(*objects.echo("echo", self.namespace))
        pod = self.api.wait("the pod", lambda: next((p for p in self.api.list("Pod", self.namespace, labelSelector="app=echo")
                                                     if self.ready(p["metadata"]["name"])), None))
        name, address = pod["metadata"]["name"], pod["status"]["podIP"]
        mark = f"/mark-{time.time_ns()}"
        answer = self.laboratory.lan.client.run("curl", "-sS", "-m", "5", f"http://{address}:3000{mark}").stdout
        self.assertIn(f'"pod": "{name}"', answer)
        self.api.wait("the request in the log", lambda: mark in self.log(name, "echo", sinceSeconds="30"))
        self.assertEqual(self.log(name, "echo", sinceTime="2099-01-01T00:00:00Z"), "")
        slices = self.api.wait("endpoints", lambda: [s for s in self.api.list("EndpointSlice", self.namespace) if s.get("endpoints")])
        self.assertEqual(slices[0]["endpoints"][0]["addresses"], [address])


if __name__ == "__main__":
    main()
