"""Requests through the whole gateway: protocols, routing rules, what the pod and the client see."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from lab import manifests as m  # noqa: E402
from lab.case import VIP, LabCase, main  # noqa: E402


class Http(LabCase):
    LISTENERS = (m.listener("other", 443, "HTTPS", hostname="*.other.test", secret="wildcard"),)

    @classmethod
    def objects(cls):
        header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {
            "set": [{"name": "X-Team", "value": "blue"}], "remove": ["X-Secret"]}}
        return [
            m.http_route("app", [cls.HOST], m.rule(("a", 80), path="/", filters=[header]),
                         m.rule(("b", 80), path="/b/"), section="https"),
            m.http_route("api", ["api.example.test"], m.rule(("b", 80), path="/v1"), section="https"),
            m.http_route("nobody", ["nobody.example.test"], m.rule(("absent", 80)), section="https"),
            m.http_route("empty", ["empty.example.test"], m.rule(("empty", 80)), section="https"),
            m.http_route("split", ["split.example.test"], m.rule(("a", 80, 3), ("b", 80, 1)), section="https"),
            m.http_route("patience", ["patience.example.test"], m.rule(("a", 80), timeouts={"request": "300ms"}), section="https"),
            m.http_route("plain", ["plain.example.test"], m.rule(("b", 80)), section="http"),
            m.http_route("other", ["app.other.test"], m.rule(("b", 80)), section="other"),
            m.service("empty", 80),
        ]

    def test_both_protocols(self):
        for http2, protocol in ((True, "2"), (False, "1.1")):
            with self.subTest(protocol=protocol):
                answer = self.get("/x?y=1", http2=http2)
                self.assert_status(answer, 200)
                self.assertEqual((answer.protocol, answer.pod), (protocol, "a"))
                self.assertEqual((answer.json()["method"], answer.json()["path"]), ("GET", "/x?y=1"))

    def test_routes_by_host_and_path(self):
        for host, path, status, pod in ((self.HOST, "/b/x", 200, "b"), (self.HOST, "/bx", 200, "a"),
                                        ("api.example.test", "/v1/x", 200, "b"), ("api.example.test", "/v1x", 404, None),
                                        ("api.example.test", "/", 404, None), ("other.example.test", "/", 404, None),
                                        ("nobody.example.test", "/", 500, None), ("empty.example.test", "/", 503, None)):
            with self.subTest(host=host, path=path):
                answer = self.get(path, host=host)
                self.assertEqual((answer.status, answer.pod), (status, pod), answer)

    def test_http_is_redirected(self):
        answer = self.client.get(f"http://{self.HOST}/x?y=1", http2=False)
        self.assertEqual((answer.status, answer.headers["location"]), (301, f"https://{self.HOST}/x?y=1"))

    def test_a_host_that_tls_was_not_made_for(self):
        """TLS was made for app.example.test; then a request names something else."""
        for host, status in (("app.other.test", 421), ("any.other.test", 421), ("elsewhere.invalid", 404),
                             ("unrouted.example.test", 404), ("api.example.test", 404)):
            for http2 in (True, False):
                with self.subTest(host=host, http2=http2):
                    answer = self.get("/", http2=http2, headers=[f"Host: {host}"])
                    self.assertEqual(answer.status, status, answer)

    def test_cleartext_http2_with_prior_knowledge(self):
        answer = self.client.get("http://plain.example.test/", "--http2-prior-knowledge")
        self.assertEqual((answer.status, answer.protocol, answer.pod), (200, "2", "b"), answer)

    def test_an_unknown_server_name_gets_an_alert(self):
        answer = self.client.get("https://unknown.invalid/", "-k")
        self.assertEqual((answer.status, answer.curl_status), (0, 35), answer)
        self.assertIn("unrecognized name", answer.error)

    def test_the_pod_sees_where_the_request_came_from(self):
        answer = self.get("/", headers=["X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4",
                                        "X-Secret: s", "X-Team: red"])
        seen = {}
        for name, value in answer.json()["headers"]:
            self.assertNotIn(name.lower(), seen, f"{name} twice")
            seen[name.lower()] = value
        client = "192.168.0.99"
        self.assertEqual({name: seen.get(name) for name in (
            "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded",
            "x-team", "x-secret", "host")}, {
                "x-forwarded-for": client, "x-forwarded-proto": "https", "x-forwarded-host": self.HOST, "x-forwarded-port": "443",
                "x-real-ip": client, "forwarded": None, "x-team": "blue", "x-secret": None, "host": self.HOST})

    def test_bodies_and_their_framing(self):
        for http2 in (True, False):
            for path, size in (("/~size/0", 0), ("/~size/1", 1), ("/~size/3000000", 3000000), ("/~chunks/50/1000", 50000)):
                with self.subTest(path=path, http2=http2):
                    answer = self.get(path, http2=http2)
                    self.assertEqual((answer.status, answer.curl_status, answer.size), (200, 0, size), answer.error)

    def test_methods_and_statuses_without_a_body(self):
        for http2 in (True, False):
            with self.subTest(http2=http2):
                self.assertEqual(self.get("/~status/204", http2=http2).status, 204)
                self.assertEqual(self.get("/~status/304", http2=http2).status, 304)
                answer = self.get("/~size/500", "-I", http2=http2)
                self.assertEqual((answer.status, answer.headers.get("content-length"), answer.body), (200, "500", ""))

    def test_uploads(self):
        for http2 in (True, False):
            for extra in ([], ["-H", "Expect: 100-continue"], ["-H", "Transfer-Encoding: chunked"] if not http2 else []):
                with self.subTest(http2=http2, extra=extra):
                    answer = self.get("/up", "-X", "POST", "--data-binary", f"@{self.bin / 'lab-echo'}", *extra, http2=http2)
                    self.assert_status(answer, 200)
                    self.assertEqual(answer.json()["body_bytes"], (self.bin / "lab-echo").stat().st_size)

    def test_backends_that_fail(self):
        for path, status in (("/~reset", 502), ("/~short/1000", 200)):
            with self.subTest(path=path):
                answer = self.get(path, http2=False)
                self.assertEqual(answer.status, status, answer)
                self.assertEqual(answer.curl_status, 0 if path == "/~reset" else 18, answer)
        self.assert_status(self.get(), 200)

    def test_the_routes_timeout(self):
        self.assert_status(self.get("/~delay/2000", host="patience.example.test"), 504)
        self.assert_status(self.get("/", host="patience.example.test"), 200)

    def test_weights(self):
        """3 to 1; each worker counts for itself, so a turn of each may be unfinished."""
        pods = [self.get("/", host="split.example.test").pod for _ in range(80)]
        self.assertEqual(pods.count("a") + pods.count("b"), 80)
        self.assertAlmostEqual(pods.count("b"), 20, delta=len(self.workers()))

    def test_oversized_requests(self):
        self.assert_status(self.get("/", http2=False, headers=["X-Big: " + "x" * 100000]), 431)
        self.assert_status(self.get("/" + "x" * 100000, http2=False), 414)
        self.assert_status(self.get(), 200)

    def test_ambiguous_requests_are_refused_and_the_connection_closed(self):
        for text in ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"):
            with self.subTest(text=text):
                script = ("import socket,sys; s=socket.create_connection((sys.argv[1],80),5); s.settimeout(5);"
                          "s.sendall(sys.argv[2].encode()); d=b''\nwhile True:\n c=s.recv(4096)\n if not c: break\n d+=c\nprint(d.decode())")
                done = self.network.client.run("/usr/bin/python3", "-c", script, VIP, text)
                self.assertTrue(done.stdout.startswith("HTTP/1.1 400 "), done.stdout)


if __name__ == "__main__":
    main()
