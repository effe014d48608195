"""From a folder of manifests to what the demo needs: pods, certificates, and what to expect.

Pure: objects in, plain values out. The expectations are derived here, from the manifests alone, and
not asked from Sluice: the demo compares the two.
"""
import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Backend:
    """One pod: the endpoint of a Service's port."""
    namespace: str
    service: str
    port: int           # the Service's
    target_port: int    # the pod's
    port_name: str

    @property
    def pod(self):
        return f"{self.namespace}/{self.service}"


@dataclasses.dataclass
class Probe:
    """A request that one match of a route must take, and what must come of it."""
    host: str
    path: str
    route: str          # namespace/name
    match: str          # as a reader writes it
    status: int = 200
    pods: tuple = ()    # one of these answers
    headers: dict = dataclasses.field(default_factory=dict)  # that the pod must see


def by_kind(objects, kind):
    return [found for found in objects if found.get("kind") == kind]


def target_port(port):
    wanted = port.get("targetPort", port["port"])
    return wanted if isinstance(wanted, int) else 8080


def backends(objects):
    """A backend for each TCP port of each Service that has a selector and no EndpointSlice."""
    supplied = {(s["metadata"].get("namespace", "default"), s["metadata"].get("labels", {}).get("kubernetes.io/service-name"))
                for s in by_kind(objects, "EndpointSlice")}
    found = []
    for service in by_kind(objects, "Service"):
        name, namespace = service["metadata"]["name"], service["metadata"].get("namespace", "default")
        if (namespace, name) in supplied:
            continue
        for port in service["spec"].get("ports", []):
            if port.get("protocol", "TCP") == "TCP":
                found.append(Backend(namespace, name, port["port"], target_port(port), port.get("name", "")))
    return found


def endpoint_slices(placed):
    """placed: {Backend: address}. One slice a backend."""
    for backend, address in placed.items():
        name = f"{backend.service}-{backend.port}"
        port = {"port": backend.target_port, "protocol": "TCP"}
        if backend.port_name:
            port["name"] = backend.port_name
        yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
               "metadata": {"name": f"{name}-demo", "namespace": backend.namespace,
                            "labels": {"kubernetes.io/service-name": backend.service}},
               "ports": [port], "endpoints": [{"addresses": [address], "conditions": {"ready": True}}]}


def missing_certificates(objects):
    """{(namespace, secret name): [host names]} of listeners that name a Secret which is not there."""
    present = {(s["metadata"].get("namespace", "default"), s["metadata"]["name"]) for s in by_kind(objects, "Secret")}
    wanted = {}
    for gateway in by_kind(objects, "Gateway"):
        for listener in gateway["spec"]["listeners"]:
            for reference in listener.get("tls", {}).get("certificateRefs", []):
                key = (reference.get("namespace", gateway["metadata"].get("namespace", "default")), reference["name"])
                if key not in present:
                    wanted.setdefault(key, []).append(listener.get("hostname", "*.example.test"))
    return wanted


def addresses(objects):
    """The IPv4 addresses of all Gateways."""
    return [address["value"] for gateway in by_kind(objects, "Gateway")
            for address in gateway["spec"].get("addresses", []) if "." in address["value"]]


def interface(objects):
    for pool in by_kind(objects, "AddressPool"):
        for name in pool["spec"].get("interfaces", []):
            return name
    return "eth0"


def redirects(route):
    return any(f["type"] == "RequestRedirect" for rule in route["spec"].get("rules", []) for f in rule.get("filters", []))


def example_path(match):
    """(a path that this match takes, how a reader writes the match); None for what cannot be told."""
    path = match.get("path", {"type": "PathPrefix", "value": "/"})
    kind, value = path.get("type", "PathPrefix"), path.get("value", "/")
    if kind == "RegularExpression" or match.get("method", "GET") != "GET":
        return None
    if match.get("headers") or match.get("queryParams"):
        return None
    return value, value if kind == "PathPrefix" else f"={value}"


def expected_headers(rule):
    found = {}
    for f in rule.get("filters", []):
        if f["type"] == "RequestHeaderModifier":
            for header in f["requestHeaderModifier"].get("set", []):
                found[header["name"].lower()] = header["value"]
    return found


def probes(objects):
    """One probe for each match of each host, and one miss for each host without a match for "/"."""
    hits, misses = [], []
    for route in by_kind(objects, "HTTPRoute"):
        if redirects(route):
            continue
        namespace = route["metadata"].get("namespace", "default")
        name = f"{namespace}/{route['metadata']['name']}"
        for host in route["spec"].get("hostnames", []):
            host = host.replace("*", "demo")
            paths = []
            for rule in route["spec"].get("rules", []):
                pods = tuple(f"{ref.get('namespace', namespace)}/{ref['name']}" for ref in rule.get("backendRefs", []))
                for match in rule.get("matches") or [{}]:
                    example = example_path(match)
                    if example is None:
                        continue
                    path, shown = example
                    paths.append(path)
                    hits.append(Probe(host, path, name, shown, 200 if pods else 500, pods, expected_headers(rule)))
            if paths and "/" not in paths:
                misses.append(Probe(host, "/", name, "(none)", 404))
    return hits, misses


def lan_of(vip):
    """The first three numbers of the /24 that the VIP is in."""
    return re.match(r"(\d+\.\d+\.\d+)\.\d+$", vip).group(1)
