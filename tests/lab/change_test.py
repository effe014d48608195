"""Configuration that changes, under load and for the worse: no request fails, and what worked works on."""
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab import manifests as m  # noqa: E402
from lab.case import QUICK, VIP, LabCase, main  # noqa: E402
from lab.certs import serial_of, tls_secret  # noqa: E402
from lab.client import Load  # noqa: E402
from lab.gateway import wait_until  # noqa: E402


class Change(LabCase):
    def route_to(self, pod):
        self.write("10-test.yaml", m.http_route("app", [self.HOST], m.rule((pod, 80)), section="https"))

    def wait_for_pod(self, pod):
        start = time.monotonic()
        wait_until(lambda: self.get().pod == pod, 5, f"an answer from pod {pod}")
        return (time.monotonic() - start) * 1000

    def served_serial(self):
        done = self.network.client.run("openssl", "s_client", "-connect", f"{VIP}:443", "-servername", self.HOST, stdin="",
                                       check=False)
        pem = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", done.stdout, re.S).group(0)
        path = self.folder / "served.pem"
        path.write_text(pem + "\n")
        return serial_of(path)

    def setUp(self):
        self.route_to("a")
        self.wait_for_pod("a")

    def test_route_edits_under_load_fail_no_request(self):
        edits = 10 if QUICK else 50
        seconds = 4 if QUICK else 12
        took = []
        with Load(self.network.client, VIP, f"https://{self.HOST}/", seconds, http2=True) as h2, \
                Load(self.network.client, VIP, f"https://{self.HOST}/", seconds, http2=False) as h1:
            for number in range(edits):
                pod = "ba"[number % 2]
                self.route_to(pod)
                took.append(self.wait_for_pod(pod))
        self.assertEqual((h2.result.failed, h1.result.failed), (0, 0), f"{h2.result.text}\n{h1.result.text}")
        self.report(route_edits=edits, seen_ms_median=sorted(took)[len(took) // 2], seen_ms_max=max(took),
                    requests=h2.result.requests + h1.result.requests)

    def test_certificate_rotation_under_load_fails_no_request(self):
        with Load(self.network.client, VIP, f"https://{self.HOST}/", 4, http2=True) as h2, \
                Load(self.network.client, VIP, f"https://{self.HOST}/", 4, http2=False) as h1:
            for _ in range(3):
                serial = serial_of(self.write_certificate())
                wait_until(lambda: self.served_serial() == serial, 5, "the new certificate")
        self.assertEqual((h2.result.failed, h1.result.failed), (0, 0), f"{h2.result.text}\n{h1.result.text}")

    def test_a_bad_certificate_leaves_the_good_one_serving(self):
        good = self.served_serial()
        certificate, _ = self.authority.issue("*.example.test")
        _, key = self.authority.issue("*.example.test")
        wrong_pair = tls_secret("gateway-system", "wildcard", certificate, key)
        garbage = {**wrong_pair, "data": {"tls.crt": "eA==", "tls.key": "eA=="}}
        for name, secret in (("wrong pair", wrong_pair), ("garbage", garbage)):
            with self.subTest(name):
                self.write("01-certificate.yaml", secret)
                wait_until(lambda: "InvalidCertificateRef" in self.conditions(), 5, "a condition that names the Secret")
                self.assertIn("Secret gateway-system/wildcard", self.conditions())
                self.assertEqual(self.served_serial(), good)
        serial = serial_of(self.write_certificate())
        wait_until(lambda: self.served_serial() == serial, 5, "the repaired certificate")

    def conditions(self):
        return self.gateway.gwctl("describe", "gateways", "-n", "gateway-system", "shared").stdout

    def wait_for_text(self, text):
        """Until Sluice has said something about it: it has looked at what was written."""
        size = getattr(self, "log_size", 0)
        wait_until(lambda: text in self.gateway.log.read_text(errors="replace")[size:], 5, f"a log line with {text}")
        type(self).log_size = self.gateway.log.stat().st_size

    def test_broken_files_are_named_and_the_rest_serves(self):
        type(self).log_size = self.gateway.log.stat().st_size
        for number, (name, text) in enumerate((("broken YAML", "kind: [\n"), ("wrong type", "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: 5}\n"))):
            with self.subTest(name):
                path = self.manifests / f"90-bad{number}.yaml"
                path.write_text(text)
                try:
                    self.wait_for_text(path.name)
                    self.assert_status(self.get(), 200)
                finally:
                    path.unlink()
        self.route_to("b")
        self.wait_for_pod("b")

    def test_a_folder_that_vanishes_changes_nothing(self):
        away = self.manifests.with_name("away")
        self.manifests.rename(away)
        try:
            time.sleep(1.0)  # nothing must happen: there is no event to wait for
            self.assert_status(self.get(), 200)
        finally:
            away.rename(self.manifests)
        self.route_to("b")
        self.wait_for_pod("b")


if __name__ == "__main__":
    main()
