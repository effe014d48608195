"""The DaemonSet's life: upgrades by surge under load, and an end that leaves nothing behind."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster.case import main  # noqa: E402
from cluster.objects import NAMESPACE  # noqa: E402
from cluster.sluice_case import NewConnections, SluiceCase  # noqa: E402

from lab.client import arping  # noqa: E402  (cluster says where it is)

UPGRADES = 20
DAEMON_SET = "sluice"


class Upgrade(SluiceCase):
    def setUp(self):
        self.need_own_laboratory()
        if self.api.get("DaemonSet", DAEMON_SET, NAMESPACE) is None:
            self.skipTest("Sluice runs without a DaemonSet")

    def pods(self):
        return {pod["metadata"]["name"] for pod in self.api.list("Pod", NAMESPACE)}

    def upgrade(self, number):
        """Another pod template, as a new version is; returns when the old pod is gone."""
        before = self.pods()
        self.api.patch("DaemonSet", DAEMON_SET, {"spec": {"template": {"metadata": {"annotations": {"lab/version": str(number)}}}}},
                       NAMESPACE)
        self.api.wait(f"upgrade {number}", lambda: not before & self.pods() and self.updated(), 90)

    def updated(self):
        found = self.api.get("DaemonSet", DAEMON_SET, NAMESPACE)
        status = found["status"]
        return (status.get("observedGeneration") == found["metadata"]["generation"]
                and status.get("numberAvailable") == status.get("updatedNumberScheduled") == self.NODES)

    def test_1_upgrades_under_load_fail_no_request(self):
        took = []
        with NewConnections(self) as first, NewConnections(self) as second:
            for number in range(UPGRADES):
                began = time.monotonic()
                self.upgrade(number)
                took.append(time.monotonic() - began)
        failed = first.failed + second.failed
        self.assertEqual(failed[:10], [], f"{len(failed)} of {first.made + second.made}; upgrades took {took}")
        self.assertEqual(self.wait_programmed("shared"), self.vip)
        self.report(upgrades=UPGRADES, seconds_median=round(sorted(took)[UPGRADES // 2], 1), requests=first.made + second.made)

    def test_2_an_uninstalled_sluice_leaves_nothing(self):
        node = self.laboratory.lan.nodes[0]
        self.assertTrue(arping(self.laboratory.lan.client, self.vip))
        self.api.delete("DaemonSet", DAEMON_SET, NAMESPACE)
        self.api.wait("the end of the pods", lambda: not self.pods(), 90)
        self.assertEqual(arping(self.laboratory.lan.client, self.vip), [])
        self.assertEqual(node.run("find", "/sys/fs/bpf", "-type", "f", "-not", "-name", "*.debug").stdout, "")  # the kernel's own
        self.assertNotIn("xdp", node.ip("link", "show", "eth0").stdout)
        self.assertNotIn(self.vip, node.ip("route", "show", "table", "all").stdout)


if __name__ == "__main__":
    main()
