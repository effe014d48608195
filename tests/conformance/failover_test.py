"""Three nodes: whoever owns the VIP goes, another answers soon, and there is never more than one."""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster.case import main  # noqa: E402
from cluster.objects import NAMESPACE  # noqa: E402
from cluster.sluice_case import SluiceCase  # noqa: E402

from lab.client import arping  # noqa: E402  (cluster says where it is)

LOSSES = 10
SOON = 1.0  # seconds
PROGRAMS = ("sluice-agent", "sluice-proxy")


class Failover(SluiceCase):
    NODES = 3

    @classmethod
    def prepare(cls, laboratory):
        super().prepare(laboratory)
        laboratory.nodes.settings["BackOffSeconds"] = 0.1  # or what is killed again and again stays away

    def setUp(self):
        self.need_own_laboratory()
        self.by_mac = {node.mac("eth0"): node for node in self.laboratory.lan.nodes}

    def owners(self):
        return {self.by_mac[mac].node_name for mac in arping(self.laboratory.lan.client, self.vip)}

    def owner(self):
        """The node that answers for the VIP, once it is one alone."""
        found = self.api.wait("one owner", lambda: len(owners := self.owners()) == 1 and owners)
        return next(node for node in self.laboratory.lan.nodes if node.node_name in found)

    def all_ready(self):
        return self.api.get("DaemonSet", "sluice", NAMESPACE)["status"].get("numberReady") == self.NODES

    def silence(self, lose):
        """Seconds without an answer, from the loss on."""
        began = time.monotonic()
        lose()
        while self.get(timeout=0.15)[0] != 200:  # shorter than the kernel waits before it tries again
            self.assertLess(time.monotonic() - began, 15, "nobody took over")
        return time.monotonic() - began

    def test_the_owner_is_unplugged(self):
        took = []
        for _ in range(LOSSES):
            node = self.owner()
            took.append(self.silence(lambda node=node: self.laboratory.lan.unplug(node)))
            self.assertNotIn(node.node_name, self.owners())
            self.laboratory.lan.replug(node)
        self.report(unplugged=LOSSES, silence_ms_median=round(sorted(took)[LOSSES // 2] * 1000), silence_ms_max=round(max(took) * 1000))
        self.assertLess(max(took), SOON)

    def test_the_owners_processes_are_killed(self):
        took = []
        for _ in range(LOSSES):
            self.api.wait("all pods", self.all_ready, 60)
            index = self.laboratory.lan.nodes.index(self.owner())
            pids = [pid for program in PROGRAMS for pid in self.pids(program, index)]
            took.append(self.silence(lambda pids=pids: [os.kill(pid, signal.SIGKILL) for pid in pids]))
        self.report(killed=LOSSES, silence_ms_median=round(sorted(took)[LOSSES // 2] * 1000), silence_ms_max=round(max(took) * 1000))
        self.assertLess(max(took), SOON)


if __name__ == "__main__":
    main()
