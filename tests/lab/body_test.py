"""Long bodies and long-lived connections: back-pressure, memory, tunnels."""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab.case import QUICK, VIP, LabCase, main  # noqa: E402
from lab.client import Load  # noqa: E402
from lab.gateway import PROXY_METRICS, resident_kb, wait_until  # noqa: E402

GIGABYTES = 1 if QUICK else 10
UPLOAD = """
import os, socket, ssl, sys
total = int(sys.argv[3])
context = ssl.create_default_context(cafile=sys.argv[4])
s = context.wrap_socket(socket.create_connection((sys.argv[1], 443), 20), server_hostname=sys.argv[2])
s.settimeout(120)
s.sendall(f"PUT /up HTTP/1.1\\r\\nHost: {sys.argv[2]}\\r\\nContent-Length: {total}\\r\\n\\r\\n".encode())
block = bytes(1 << 20)
for _ in range(total >> 20):
    s.sendall(block)
print(s.recv(65536).decode())
"""
TUNNEL = """
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[3])
s = context.wrap_socket(socket.create_connection((sys.argv[1], 443), 20), server_hostname=sys.argv[2])
s.settimeout(10)
s.sendall(f"GET /chat HTTP/1.1\\r\\nHost: {sys.argv[2]}\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n\\r\\n".encode())
head = b""
while b"\\r\\n\\r\\n" not in head:
    head += s.recv(4096)
assert head.startswith(b"HTTP/1.1 101 "), head
for size in (1, 100, 200000):
    data = bytes(range(256)) * (size // 256 + 1)
    s.sendall(data)
    back = b""
    while len(back) < len(data):
        back += s.recv(65536)
    assert back == data, "the tunnel changed its bytes"
print("tunnel ok")
"""


class Body(LabCase):
    def test_a_long_upload_costs_no_memory(self):
        pid = self.gateway.proxy()
        self.get("/up", "-X", "POST", "--data-binary", f"@{self.bin / 'lab-echo'}", http2=False)
        before, peak, done = resident_kb(pid), 0, threading.Event()
        result = {}

        def upload():
            result["run"] = self.network.client.run("/usr/bin/python3", "-c", UPLOAD, VIP, self.HOST, GIGABYTES << 30,
                                                    self.authority.certificate, timeout=500)
            done.set()

        start = time.monotonic()
        thread = threading.Thread(target=upload)
        thread.start()
        while not done.wait(0.05) and thread.is_alive():
            peak = max(peak, resident_kb(pid))
        thread.join()
        self.assertIn(f'"body_bytes":{GIGABYTES << 30}', result["run"].stdout)
        self.report(upload_gb=GIGABYTES, seconds=round(time.monotonic() - start, 1), memory_kb_before=before, memory_kb_peak=peak)
        self.assertLess(peak - before, 4096, "kB more than before the upload")

    def test_a_slow_reader_costs_no_memory(self):
        pid = self.gateway.proxy()
        before = resident_kb(pid)
        reader = self.network.client.popen("curl", "-s", "-o", "/dev/null", "--limit-rate", "200k", "--resolve",
                                           f"{self.HOST}:443:{VIP}", "--cacert", self.authority.certificate,
                                           f"https://{self.HOST}/~size/200000000")
        try:
            peak = 0
            for _ in range(40):
                time.sleep(0.05)
                peak = max(peak, resident_kb(pid))
        finally:
            reader.kill()
            reader.wait()
        self.assertLess(peak - before, 4096, "kB more than before")

    def test_clients_that_vanish_leave_nothing_behind(self):
        """Killed in the middle of a long answer: connection, stream and upstream connection go too."""
        for protocol in ("--http2", "--http1.1"):
            with self.subTest(protocol=protocol):
                reader = self.network.client.popen(
                    "curl", "-s", protocol, "-o", "/dev/null", "--limit-rate", "200k", "--resolve", f"{self.HOST}:443:{VIP}",
                    "--cacert", self.authority.certificate, f"https://{self.HOST}/~size/200000000")
                wait_until(lambda: self.open_connections() == 1, 5, "the reader's connection")
                time.sleep(0.5)  # until the buffers on the way are full
                reader.kill()
                reader.wait()
                wait_until(lambda: self.open_connections() == 0, 5, "the end of the reader's connection")

    def test_clients_that_close_while_answers_come_leave_nothing_behind(self):
        for http2 in (True, False):
            with self.subTest(http2=http2):
                with Load(self.network.client, VIP, f"https://{self.HOST}/~chunks/5/20000", 2, http2=http2) as load:
                    pass
                self.assertEqual(load.result.failed, 0, load.result.text)
                wait_until(lambda: self.open_connections() == 0, 5, "the end of the load's connections")

    def open_connections(self):
        return self.gateway.metrics(PROXY_METRICS)["sluice_connections_open"]

    def test_a_stream_arrives_as_it_is_sent(self):
        start = time.monotonic()
        answer = self.get("/~slow/5/200", "-N", "--max-time", "10")
        self.assertEqual((answer.status, answer.body.count("tick")), (200, 5))
        self.assertGreater(time.monotonic() - start, 0.7)

    def test_an_upgrade_becomes_a_tunnel(self):
        done = self.network.client.run("/usr/bin/python3", "-c", TUNNEL, VIP, self.HOST, self.authority.certificate, check=False)
        self.assertEqual(done.stdout, "tunnel ok\n", done.stderr + self.gateway.log_tail())


if __name__ == "__main__":
    main()
