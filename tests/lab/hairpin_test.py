"""Clients that are not on the LAN: pods and the node itself reach a VIP of their own node."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import LabCase, main  # noqa: E402
from lab.client import Client  # noqa: E402


class Hairpin(LabCase):
    def test_from(self):
        for name in ("pods", "node", "router"):
            for http2 in (True, False):
                with self.subTest(source=name, http2=http2):
                    client = Client(getattr(self.network, name), self.authority)
                    answer = client.get(f"https://{self.HOST}/", http2=http2)
                    self.assertEqual((answer.status, answer.pod), (200, "a"), f"{answer}\n{self.gateway.log_tail()}")


if __name__ == "__main__":
    main()
