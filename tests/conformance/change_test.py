"""Changes of the cluster's objects under load: they are served soon, and no request fails."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster import objects  # noqa: E402
from cluster.api import GATEWAY_API, condition  # noqa: E402
from cluster.case import main  # noqa: E402
from cluster.sluice_case import NewConnections, SluiceCase  # noqa: E402

FLIPS = 200
ROUTES = 1000
SOON = 1.0  # seconds


class Change(SluiceCase):
    def test_200_route_flips_under_load_fail_no_request(self):
        seconds = 40
        took = []
        with self.load(seconds) as h1, self.load(seconds, http2=True, secure=True) as h2:
            began = time.monotonic()
            for number in range(FLIPS):
                service = "ba"[number % 2]
                self.api.apply(self.route(service))
                took.append(self.within(5, lambda service=service: self.pod() == service, f"flip {number}"))
            flipping = time.monotonic() - began
        self.assert_none_failed(h1, h2)
        self.report(flips=FLIPS, seconds=round(flipping, 1), seen_ms_median=round(sorted(took)[FLIPS // 2] * 1000),
                    seen_ms_max=round(max(took) * 1000), requests=h1.result.requests + h2.result.requests)

    def test_a_new_certificate_is_served_within_a_second_and_fails_no_handshake(self):
        took = []
        with NewConnections(self) as new_connections, self.load(8, http2=True, secure=True) as load:
            for _ in range(5):
                serial = self.write_certificate()
                took.append(self.within(5, lambda serial=serial: self.served_serial() == serial, "the new certificate"))
        self.assert_none_failed(load)
        self.assertEqual(new_connections.failed, [])
        self.assertLess(max(took), SOON)
        self.report(rotations=len(took), seen_ms_max=round(max(took) * 1000), handshakes=new_connections.made)

    def test_a_revoked_grant_stops_traffic_within_a_second(self):
        other = f"{self.namespace}-other"
        self.api.apply(objects.namespace(other), *objects.echo("c", other), {
            "apiVersion": f"{GATEWAY_API}/v1beta1", "kind": "ReferenceGrant", "metadata": {"name": "grant", "namespace": other},
            "spec": {"from": [{"group": GATEWAY_API, "kind": "HTTPRoute", "namespace": self.namespace}],
                     "to": [{"group": "", "kind": "Service"}]}})
        self.addCleanup(self.api.delete, "Namespace", other)
        route = objects.http_route("across", self.namespace, "shared", ("c", 8080, other), hostnames=["across.example.test"])
        self.api.apply(route)
        self.addCleanup(self.api.delete, "HTTPRoute", "across", self.namespace)
        self.api.wait("an answer from c", lambda: self.pod(host="across.example.test") == "c")
        self.api.delete("ReferenceGrant", "grant", other)
        took = self.within(5, lambda: self.get(host="across.example.test")[0] == 500, "the end of the traffic")
        self.assertLess(took, SOON)
        self.report(revoked_ms=round(took * 1000))

    def test_one_invalid_route_among_a_thousand_harms_no_other(self):
        def name(number):
            return f"many-{number:04}"
        self.addCleanup(self.delete_routes)
        for number in range(ROUTES):
            route = objects.http_route(name(number), self.namespace, "shared", ("b", 8080), hostnames=[f"{name(number)}.example.test"])
            if number == ROUTES // 2:
                route["spec"]["rules"][0]["backendRefs"][0] = {"group": "example.com", "kind": "Nothing", "name": "b", "port": 1}
            self.api.apply(route)
        last = name(ROUTES - 1)
        self.api.wait("the last route", lambda: self.pod(host=f"{last}.example.test") == "b", 60)
        self.api.wait("all of them Accepted", self.all_accepted, 60)
        self.assertEqual(self.get(host=f"{name(ROUTES // 2)}.example.test")[0], 500)
        self.assertEqual(self.pod(host=f"{name(ROUTES // 2 + 1)}.example.test"), "b")

    def conditions(self, route, kind):
        return [condition({"metadata": route["metadata"], "status": parent}, kind) for parent in route.get("status", {}).get("parents", [])]

    def all_accepted(self):
        routes = [route for route in self.api.list("HTTPRoute", self.namespace) if route["metadata"]["name"].startswith("many-")]
        unresolved = [route["metadata"]["name"] for route in routes if self.conditions(route, "ResolvedRefs") != ["True"]]
        accepted = all(self.conditions(route, "Accepted") == ["True"] for route in routes)
        return accepted and unresolved == [f"many-{ROUTES // 2:04}"]

    def delete_routes(self):
        for number in range(ROUTES):
            self.api.delete("HTTPRoute", f"many-{number:04}", self.namespace)


if __name__ == "__main__":
    main()
