"""What the processes may do, read from /proc: the design's table of privileges."""
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import LabCase, main  # noqa: E402
from lab.gateway import AGENT, LAUNCHER, PROXY, command_name, descendants, status_field  # noqa: E402

NET_ADMIN, PERFMON, BPF = 1 << 12, 1 << 38, 1 << 39


class Privileges(LabCase):
    START = False

    @classmethod
    def setUpClass(cls):
        """From a folder like root's home: the proxy's user cannot walk to its program."""
        super().setUpClass()
        private = cls.folder / "private"
        private.mkdir(mode=0o700)
        for name in (AGENT, PROXY, LAUNCHER):
            shutil.copy2(cls.bin / name, private)
        cls.gateway.bin = private
        cls.gateway.start().wait_serving().wait_alive()

    def capabilities(self, pid):
        return {field: int(status_field(pid, field), 16) for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}

    def test_the_proxy_has_none(self):
        for pid in self.gateway.pids("sluice-proxy"):
            with self.subTest(pid=pid):
                self.assertEqual(self.capabilities(pid), dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0))
                self.assertNotIn("0", status_field(pid, "Uid").split())
                self.assertNotIn("0", status_field(pid, "Gid").split())
                self.assertEqual(status_field(pid, "NoNewPrivs"), "1")
        self.assertEqual(status_field(self.gateway.proxy(), "Seccomp"), "2")

    def test_the_proxy_holds_no_core_file_and_no_bpf(self):
        pid = self.gateway.proxy()
        links = [link.readlink().name for link in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
        self.assertEqual([link for link in links if "bpf" in link], [])

    def test_the_agent_keeps_what_bpf_and_routes_need(self):
        pid = self.gateway.agent()
        self.assertEqual(self.capabilities(pid)["CapEff"] & ~(NET_ADMIN | BPF | PERFMON), 0)
        self.assertEqual(self.capabilities(pid)["CapEff"] & (NET_ADMIN | BPF), NET_ADMIN | BPF)

    def test_every_process_is_known(self):
        names = {command_name(pid) for pid in descendants(self.gateway.process.pid)}
        self.assertEqual(names, {"sluice-agent", "sluice-proxy"})


if __name__ == "__main__":
    main()
