"""Kubernetes objects as dictionaries: made, read from and written to manifests."""
import os
import pathlib

import yaml

GATEWAY_API = "gateway.networking.k8s.io/v1"
CONTROLLER = "sluice.edgeprime.io/gateway-controller"


def load(folder):
    """All objects of the folder's YAML files, in the order of file names."""
    objects = []
    for path in sorted(pathlib.Path(folder).iterdir()):
        if path.suffix in (".yaml", ".yml", ".json"):
            objects += load_file(path)
    return objects


def load_file(path):
    return [document for document in yaml.safe_load_all(pathlib.Path(path).read_text()) if document]


def write(path, *objects):
    """One file of documents, put in place at once (rename), as editors and kubelets do."""
    path = pathlib.Path(path)
    part = path.with_name(f".{path.name}.part")
    part.write_text(yaml.safe_dump_all(objects, sort_keys=False))
    os.replace(part, path)


def meta(name, namespace=None):
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def gateway_class(name="sluice"):
    return {"apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": meta(name),
            "spec": {"controllerName": CONTROLLER}}


def address_pool(*ranges, name="lan", interfaces=("eth0",)):
    return {"apiVersion": "sluice.edgeprime.io/v1alpha1", "kind": "AddressPool", "metadata": meta(name),
            "spec": {"ranges": list(ranges), "interfaces": list(interfaces)}}


def listener(name, port, protocol, hostname=None, secret=None, routes="All"):
    spec = {"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": {"from": routes}}}
    if hostname:
        spec["hostname"] = hostname
    if secret:
        spec["tls"] = {"mode": "Terminate", "certificateRefs": [{"name": secret}]}
    return spec


def gateway(*listeners, addresses=("192.168.0.200",), name="shared", namespace="gateway-system"):
    return {"apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": meta(name, namespace),
            "spec": {"gatewayClassName": "sluice",
                     "addresses": [{"type": "IPAddress", "value": value} for value in addresses],
                     "listeners": list(listeners)}}


def http_route(name, hosts, *rules, namespace="default", section=None, parent="shared", parent_namespace="gateway-system"):
    parent = {"name": parent, "namespace": parent_namespace, **({"sectionName": section} if section else {})}
    return {"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": meta(name, namespace),
            "spec": {"parentRefs": [parent], "hostnames": list(hosts), "rules": list(rules)}}


def rule(*services, path=None, filters=(), timeouts=None, path_type="PathPrefix"):
    """services: (name, port) or (name, port, weight)"""
    spec = {"backendRefs": [{"name": name, "port": port, **({"weight": weight[0]} if weight else {})}
                            for name, port, *weight in services]}
    if path:
        spec["matches"] = [{"path": {"type": path_type, "value": path}}]
    if filters:
        spec["filters"] = list(filters)
    if timeouts:
        spec["timeouts"] = timeouts
    return spec


def service(name, port, namespace="default", target_port=None):
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, namespace),
            "spec": {"type": "ClusterIP", "selector": {"app": name},
                     "ports": [{"port": port, "targetPort": target_port or port, "protocol": "TCP"}]}}


def endpoint_slice(service_name, addresses, port, namespace="default", port_name=None):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {**meta(f"{service_name}-lab", namespace), "labels": {"kubernetes.io/service-name": service_name}},
            "addressType": "IPv4",
            "ports": [{"port": port, "protocol": "TCP", **({"name": port_name} if port_name else {})}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses]}
