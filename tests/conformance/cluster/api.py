"""A small client of the API server: JSON over one connection per client.

The sockets are made in a namespace of the lab; the process itself stays where it is.
"""
import ctypes
import http.client
import json
import os
import socket
import ssl
import urllib.parse

from lab.gateway import wait_until

CLONE_NEWNET = 0x40000000
GATEWAY_API = "gateway.networking.k8s.io"
SLUICE = "sluice.edgeprime.io"
# kind -> (group/version, plural, namespaced)
KINDS = {
    "Namespace": ("v1", "namespaces", False), "Node": ("v1", "nodes", False), "Pod": ("v1", "pods", True),
    "Service": ("v1", "services", True), "Secret": ("v1", "secrets", True), "ConfigMap": ("v1", "configmaps", True),
    "ServiceAccount": ("v1", "serviceaccounts", True), "Event": ("v1", "events", True),
    "Deployment": ("apps/v1", "deployments", True), "DaemonSet": ("apps/v1", "daemonsets", True),
    "EndpointSlice": ("discovery.k8s.io/v1", "endpointslices", True), "Lease": ("coordination.k8s.io/v1", "leases", True),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "ClusterRoleBinding": ("rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "GatewayClass": (f"{GATEWAY_API}/v1", "gatewayclasses", False), "Gateway": (f"{GATEWAY_API}/v1", "gateways", True),
    "HTTPRoute": (f"{GATEWAY_API}/v1", "httproutes", True), "GRPCRoute": (f"{GATEWAY_API}/v1", "grpcroutes", True),
    "ReferenceGrant": (f"{GATEWAY_API}/v1beta1", "referencegrants", True),
    "AddressPool": (f"{SLUICE}/v1alpha1", "addresspools", False),
    "GatewayParameters": (f"{SLUICE}/v1alpha1", "gatewayparameters", True),
}


class ApiError(Exception):
    def __init__(self, status, text):
        super().__init__(f"{status}: {text[:500]}")
        self.status = status


class inside:
    """A context in which this thread's new sockets belong to that host."""
    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, host):
        self.path = f"/run/netns/{host.name}"

    def set(self, descriptor):
        if self.libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"enter {self.path}")

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            self.set(there)
        finally:
            os.close(there)

    def __exit__(self, *_):
        self.set(self.home)
        os.close(self.home)


class Connection(http.client.HTTPSConnection):
    def __init__(self, lab_host, *words, **options):
        super().__init__(*words, **options)
        self.lab_host = lab_host

    def connect(self):
        with inside(self.lab_host):
            super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Api:
    def __init__(self, host, address, port, certificate, token):
        self.host, self.address, self.port, self.certificate, self.token = host, address, port, certificate, token
        self.connection = None

    def raw(self, method, path, body=None, kind="application/json"):
        """(status, text); opens the connection anew if it was lost."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = kind
        for attempt in (1, 2):
            if self.connection is None:
                trust = ssl.create_default_context(cafile=str(self.certificate))
                self.connection = Connection(self.host, self.address, self.port, context=trust, timeout=30)
            try:
                self.connection.request(method, path, data, headers)
                response = self.connection.getresponse()
                return response.status, response.read().decode()
            except (OSError, http.client.HTTPException):
                self.close()
                if attempt == 2:
                    raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def call(self, method, path, body=None, kind="application/json"):
        status, text = self.raw(method, path, body, kind)
        if status >= 300:
            raise ApiError(status, f"{method} {path}: {text}")
        return json.loads(text) if text else None

    @staticmethod
    def path(kind, name=None, namespace=None, sub=None, **query):
        version, plural, namespaced = KINDS[kind]
        words = ["/api" if version == "v1" else "/apis", version]
        if namespaced and namespace:
            words += ["namespaces", namespace]
        words += [word for word in (plural, name, sub) if word]
        return "/".join(words) + ("?" + urllib.parse.urlencode(query) if query else "")

    def get(self, kind, name, namespace=None):
        """The object, or None."""
        try:
            return self.call("GET", self.path(kind, name, namespace))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind, namespace=None, **query):
        return self.call("GET", self.path(kind, None, namespace, **query))["items"]

    def apply(self, *objects):
        """Server-side apply of each, in order."""
        for wanted in objects:
            meta = wanted["metadata"]
            path = self.path(wanted["kind"], meta["name"], meta.get("namespace"), fieldManager="lab", force="true")
            self.call("PATCH", path, wanted, "application/apply-patch+yaml")

    def patch(self, kind, name, change, namespace=None, sub=None):
        """A merge patch."""
        return self.call("PATCH", self.path(kind, name, namespace, sub), change, "application/merge-patch+json")

    def delete(self, kind, name, namespace=None):
        try:
            self.call("DELETE", self.path(kind, name, namespace))
        except ApiError as error:
            if error.status != 404:
                raise

    def log(self, namespace, pod, container, **query):
        status, text = self.raw("GET", self.path("Pod", pod, namespace, "log", container=container, **query))
        if status != 200:
            raise ApiError(status, text)
        return text

    def wait(self, what, condition, seconds=30):
        """The first true value of condition(); errors of the API count as false."""
        def once():
            try:
                return condition()
            except (ApiError, OSError, http.client.HTTPException):
                return None
        return wait_until(once, seconds, what)


def condition(found, kind):
    """The status of that condition of an object for its present generation, or None."""
    if found is None:
        return None
    for one in found.get("status", {}).get("conditions", []):
        current = one.get("observedGeneration") in (None, found["metadata"].get("generation"))
        if one["type"] == kind and current:
            return one["status"]
    return None
