"""Detaching: whatever Sluice put into the kernel is gone afterwards."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import VIP, VIP6, LabCase, main  # noqa: E402
from lab.client import arping, ndisc  # noqa: E402


class Detach(LabCase):
    def traces(self):
        """Programs on devices, routes and pins."""
        node = self.network.node
        return {
            "links": [line for line in node.run("ip", "-d", "link", "show").stdout.splitlines() if "prog/xdp" in line],
            "routes": [line for line in (node.run("ip", "route", "show", "table", "local").stdout +
                                         node.run("ip", "-6", "route", "show", "table", "local").stdout).splitlines()
                       if VIP in line or VIP6 in line],
            "pins": node.run("sh", "-c", "find /sys/fs/bpf -mindepth 1 ! -name '*.debug'").stdout.split(),
            "programs": re.findall(r"^\S+\(\d+\) .*", node.run("bpftool", "net", "show").stdout, re.M),
        }

    def test_nothing_is_left(self):
        before = self.traces()
        self.assertTrue(all(before.values()), before)
        self.gateway.stop()
        self.gateway.detach()
        self.assertEqual(self.traces(), {"links": [], "routes": [], "pins": [], "programs": []})
        self.assertEqual((arping(self.network.client, VIP), ndisc(self.network.client, VIP6)), ([], None))
        self.gateway.detach()  # again: nothing to do is no error
        self.gateway.start().wait_serving()
        self.assert_status(self.get(), 200)


if __name__ == "__main__":
    main()
