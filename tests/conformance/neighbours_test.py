"""Sluice beside others: more than one class, other controllers' objects and conditions."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster import objects  # noqa: E402
from cluster.api import condition  # noqa: E402
from cluster.case import main  # noqa: E402
from cluster.sluice_case import SluiceCase  # noqa: E402

FOREIGN = "example.com/other-controller"
THEN = "2026-01-01T00:00:00Z"


def foreign_condition(kind):
    return {"type": kind, "status": "True", "reason": "Because", "message": "not ours", "lastTransitionTime": THEN,
            "observedGeneration": 1}


class Neighbours(SluiceCase):
    def make_class(self, name, **how):
        self.api.apply(objects.gateway_class(name, **how))
        self.addCleanup(self.api.delete, "GatewayClass", name)

    def test_two_classes_side_by_side(self):
        self.make_class("sluice-second")
        self.api.wait("the second class", lambda: condition(self.api.get("GatewayClass", "sluice-second"), "Accepted") == "True")
        self.api.apply(
            objects.gateway("second", self.namespace, objects.listener("http", 80), gateway_class_name="sluice-second"),
            objects.http_route("second", self.namespace, "second", ("b", 8080)))
        self.addCleanup(self.api.delete, "Gateway", "second", self.namespace)
        self.addCleanup(self.api.delete, "HTTPRoute", "second", self.namespace)
        vip = self.wait_programmed("second")
        self.assertNotEqual(vip, self.vip)
        self.api.wait("an answer from b", lambda: self.pod(vip=vip) == "b")
        self.assertEqual(self.pod(), "a")
        self.api.delete("GatewayClass", "sluice-second")
        self.api.wait("the end of the second", lambda: self.get(vip=vip)[0] == 0)
        self.assertEqual(self.pod(), "a")

    def test_a_foreign_class_is_left_alone(self):
        self.make_class("foreign", controller=FOREIGN)
        self.api.apply(objects.gateway("theirs", self.namespace, objects.listener("http", 80), gateway_class_name="foreign"))
        self.addCleanup(self.api.delete, "Gateway", "theirs", self.namespace)
        before = {kind: self.api.get(kind, name, where)["metadata"]["resourceVersion"]
                  for kind, name, where in (("GatewayClass", "foreign", None), ("Gateway", "theirs", self.namespace))}
        # Something that is ours, made later, is done: by then the foreign ones would have been touched.
        self.api.apply(objects.gateway("later", self.namespace, objects.listener("http", 80)))
        self.addCleanup(self.api.delete, "Gateway", "later", self.namespace)
        self.wait_programmed("later")
        after = {"GatewayClass": self.api.get("GatewayClass", "foreign"), "Gateway": self.api.get("Gateway", "theirs", self.namespace)}
        self.assertEqual({kind: found["metadata"]["resourceVersion"] for kind, found in after.items()}, before)

    def test_conditions_and_parents_of_others_survive(self):
        self.make_class("foreign-kept", controller=FOREIGN)
        self.api.apply(objects.gateway("kept", self.namespace, objects.listener("http", 80)))
        self.addCleanup(self.api.delete, "Gateway", "kept", self.namespace)
        self.wait_programmed("kept")
        route = objects.http_route("both", self.namespace, "kept", ("a", 8080), hostnames=["both.example.test"])
        route["spec"]["parentRefs"].append({"name": "theirs"})
        self.api.apply(route)
        self.addCleanup(self.api.delete, "HTTPRoute", "both", self.namespace)
        self.api.wait("our parent's status", lambda: self.parents("both"))
        theirs = {"parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "theirs"},
                  "controllerName": FOREIGN, "conditions": [foreign_condition("Accepted")]}
        self.api.patch("HTTPRoute", "both", {"status": {"parents": [*self.parents("both").values(), theirs]}}, self.namespace, "status")
        ours = self.api.get("Gateway", "kept", self.namespace)["status"]["conditions"]
        self.api.patch("Gateway", "kept", {"status": {"conditions": [*ours, foreign_condition("example.com/Checked")]}},
                       self.namespace, "status")
        # Changes that make Sluice write both again.
        route["spec"]["rules"][0]["backendRefs"][0]["name"] = "nothing-there"
        self.api.apply(route)
        self.api.apply(objects.gateway("kept", self.namespace, objects.listener("http", 80), objects.listener("more", 8080)))
        self.api.wait("the route's new status", lambda: any(
            one["type"] == "ResolvedRefs" and one["status"] == "False"
            for name, parent in self.parents("both").items() if name != FOREIGN for one in parent["conditions"]))
        self.api.wait("the Gateway's new status", lambda: condition(self.api.get("Gateway", "kept", self.namespace), "Programmed") == "True")
        self.assertEqual(self.parents("both")[FOREIGN]["conditions"], [foreign_condition("Accepted")])
        kinds = [one["type"] for one in self.api.get("Gateway", "kept", self.namespace)["status"]["conditions"]]
        self.assertIn("example.com/Checked", kinds)

    def parents(self, name):
        """{controller: status of its parent}"""
        found = self.api.get("HTTPRoute", name, self.namespace).get("status", {}).get("parents", [])
        return {parent["controllerName"]: parent for parent in found}


if __name__ == "__main__":
    main()
