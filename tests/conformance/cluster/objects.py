"""What the lab itself puts into the cluster."""
from cluster.api import GATEWAY_API, SLUICE
from cluster.lan import VIPS

CLASS = "sluice"
CONTROLLER = "sluice.edgeprime.io/gateway-controller"
NAMESPACE = "sluice-system"
IPV6_VIPS = "fd5a:0:0:1::100-fd5a:0:0:1::1ff"


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def gateway_class(name=CLASS, controller=CONTROLLER):
    return {"apiVersion": f"{GATEWAY_API}/v1", "kind": "GatewayClass", "metadata": {"name": name},
            "spec": {"controllerName": controller}}


def address_pool(*ranges, name="lan", interfaces=("eth0",)):
    return {"apiVersion": f"{SLUICE}/v1alpha1", "kind": "AddressPool", "metadata": {"name": name},
            "spec": {"ranges": list(ranges or (VIPS,)), "interfaces": list(interfaces)}}


def gateway(name, where, *listeners, gateway_class_name=CLASS):
    return {"apiVersion": f"{GATEWAY_API}/v1", "kind": "Gateway", "metadata": {"name": name, "namespace": where},
            "spec": {"gatewayClassName": gateway_class_name, "listeners": list(listeners)}}


def listener(name, port, protocol="HTTP", secret=None, hostname=None):
    made = {"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": {"from": "All"}}}
    if hostname:
        made["hostname"] = hostname
    if secret:
        made["tls"] = {"certificateRefs": [{"name": secret}]}
    return made


def http_route(name, where, gateway_name, *backends, hostnames=(), path="/", gateway_namespace=None):
    """backends: (service, port) or (service, port, namespace)"""
    references = []
    for service, port, *rest in backends:
        references.append({"name": service, "port": port, **({"namespace": rest[0]} if rest else {})})
    parent = {"name": gateway_name, **({"namespace": gateway_namespace} if gateway_namespace else {})}
    return {"apiVersion": f"{GATEWAY_API}/v1", "kind": "HTTPRoute", "metadata": {"name": name, "namespace": where},
            "spec": {"parentRefs": [parent], "hostnames": list(hostnames), "rules": [
                {"matches": [{"path": {"type": "PathPrefix", "value": path}}], "backendRefs": references}]}}


def echo(name, where, replicas=1):
    """A Deployment of echo servers and its Service on port 8080."""
    labels = {"app": name}
    field = lambda path: {"valueFrom": {"fieldRef": {"fieldPath": path}}}  # noqa: E731
    container = {"name": name, "image": "lab/echo-basic", "env": [
        {"name": "POD_NAME", **field("metadata.name")}, {"name": "NAMESPACE", **field("metadata.namespace")}]}
    return (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": where},
         "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                  "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": where},
         "spec": {"selector": labels, "ports": [{"port": 8080, "targetPort": 3000, "protocol": "TCP"}]}})


def pod(name, where, image, command, container=None, **spec):
    """A bare pod; `container` are more fields of its one container, `spec` of the pod."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": where},
            "spec": {"containers": [{"name": "main", "image": image, "command": list(command), **(container or {})}], **spec}}
