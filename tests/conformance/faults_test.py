"""An API server that misbehaves: Sluice follows again as soon as it can, and no request fails."""
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster.case import main  # noqa: E402
from cluster.control_plane import PORT  # noqa: E402
from cluster.lan import ROUTER  # noqa: E402
from cluster.sluice_case import SluiceCase  # noqa: E402

FAULTY, CONTROL = 7443, 7080


class Faults(SluiceCase):
    """The pods are told that the API server is at the port where the faults are made."""

    @classmethod
    def prepare(cls, laboratory):
        super().prepare(laboratory)
        laboratory.nodes.settings["APIServer"] = f"{ROUTER}:{FAULTY}"
        pki = laboratory.folder / "pki"
        laboratory.before_nodes = lambda: laboratory.daemons.start(
            "faults", laboratory.lan.router, laboratory.programs["faults"], "--listen", f"{ROUTER}:{FAULTY}",
            "--control", f"{ROUTER}:{CONTROL}", "--target", f"https://{ROUTER}:{PORT}", "--certificate", pki / "apiserver.crt",
            "--key", pki / "apiserver.key")

    def setUp(self):
        self.need_own_laboratory()

    def control(self, method, kind=""):
        done = self.laboratory.lan.client.run("curl", "-sS", "-m", "5", "-X", method, f"http://{ROUTER}:{CONTROL}/{kind}")
        return json.loads(done.stdout)

    def test_every_kind_of_fault(self):
        for kind in ("slow", "cut", "malformed", "gone", "refused"):
            with self.subTest(kind):
                with self.load(12) as load:
                    self.control("POST", kind)
                    self.flip_for(6)
                    self.control("POST", "none")
                    took = self.settle()
                self.assertGreater(self.control("GET").get(kind, 0), 0, f"{kind} never struck")
                self.assert_none_failed(load)
                self.report(fault=kind, settled_s=round(took, 2))

    def flip_for(self, seconds):
        end = time.monotonic() + seconds
        number = 0
        while time.monotonic() < end:
            self.api.apply(self.route("ba"[number % 2]))
            number += 1
            time.sleep(0.1)  # ten changes a second

    def settle(self):
        """The last word is served, whatever was lost before."""
        self.api.apply(self.route("b"))
        took = self.within(30, lambda: self.pod() == "b", "an answer from b")
        self.api.apply(self.route("a"))
        return max(took, self.within(30, lambda: self.pod() == "a", "an answer from a"))


if __name__ == "__main__":
    main()
