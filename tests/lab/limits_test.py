"""More than fits: descriptors run out, connections pile up; the gateway survives and does not spin."""
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import VIP, LabCase, main  # noqa: E402
from lab.gateway import wait_until  # noqa: E402

FLOOD = """
import socket, sys
held = []
for _ in range(int(sys.argv[2])):
    s = socket.socket(); s.settimeout(0.2)
    try:
        s.connect((sys.argv[1], 443)); held.append(s)
    except OSError:
        break
print(len(held), flush=True)
sys.stdin.read()
"""


def cpu_seconds(pid):
    words = pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(words[0]) / 1e9


class Limits(LabCase):
    PREFIX = ("prlimit", "--nofile=160:160")

    def test_descriptor_exhaustion_pauses_accepting(self):
        pid = self.gateway.proxy()
        flood = self.network.client.popen("/usr/bin/python3", "-c", FLOOD, VIP, "400", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertGreater(int(flood.stdout.readline()), 100)
            before, start = cpu_seconds(pid), time.monotonic()
            time.sleep(1.0)  # the interval over which CPU time is measured
            used = (cpu_seconds(pid) - before) / (time.monotonic() - start)
            self.assertLess(used, 0.2, "of a CPU while nothing can be accepted")
            self.assertEqual(self.gateway.proxy(), pid)
        finally:
            flood.communicate()
            flood.stdout.close()
        wait_until(lambda: self.get("/", "-m", "2").status == 200, 10, "an answer after the flood")
        self.assertEqual(self.gateway.proxy(), pid)


if __name__ == "__main__":
    main()
