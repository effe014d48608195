"""The LAN of the demo: client, router, gateway node, a pod for every endpoint, Sluice."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import plan
from lab import manifests
from lab.certs import Authority, tls_secret
from lab.client import Client
from lab.gateway import GWCTL, Gateway
from lab.network import CLIENT, NODE, Network

NGINX_PODS = ("homepage/homepage", "it-tools/it-tools")  # real servers among the echoing ones
NGINX_CONFIG = """
daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/pid;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{servers}
}}
"""
NGINX_SERVER = """  server {{ listen {address}:{port}; add_header X-Pod {pod}; location / {{ return 200 '{{"pod":"{pod}"}}\\n'; }} }}"""


class Stage:
    def __init__(self, source, interface, report):
        self.source = source
        self.report = report
        self.objects = manifests.load(source)
        self.vips = plan.addresses(self.objects)
        if not self.vips:
            raise SystemExit(f"{source}: no Gateway there asks for an IPv4 address (spec.addresses)")
        self.vip = self.vips[0]
        self.interface = interface or plan.interface(self.objects)
        self.bin = pathlib.Path(os.environ["SLUICE_BIN"])
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-demo-"))
        self.folder.chmod(0o755)
        self.manifests = self.folder / "manifests"
        self.servers = []
        self.network = self.gateway = None

    def build(self):
        lan = plan.lan_of(self.vip)
        used = {f"{lan}.{number}" for number in (1, CLIENT, NODE)}
        if used & set(self.vips):
            raise SystemExit(f"the demo's own hosts are {', '.join(sorted(used))}: choose another Gateway address")
        self.network = Network(self.bin / "lab-pass.bpf.o", lan4=lan, node_device=self.interface)
        self.report.say(f"LAN {lan}.0/24: router .1, client .{CLIENT}, gateway node .{NODE} ({self.interface}); "
                        f"VIP {', '.join(self.vips)}")
        self.authority = Authority(self.folder / "ca")
        self.client = Client(self.network.client, self.authority, self.vip)
        self.write_manifests()
        self.start_pods()
        self.gateway = Gateway(self.network, self.bin, self.manifests, self.folder / "sluice.log", self.interface)

    def write_manifests(self):
        """The folder as it is, and beside it what a cluster would add: endpoints and certificates."""
        self.manifests.mkdir()
        for path in self.source.iterdir():
            if path.suffix in (".yaml", ".yml", ".json"):
                shutil.copy(path, self.manifests / path.name)
        self.placed = {backend: self.network.add_pod_address() for backend in plan.backends(self.objects)}
        manifests.write(self.manifests / "demo-endpoints.yaml", *plan.endpoint_slices(self.placed))
        self.write_certificates()

    def write_certificates(self):
        """New certificates for every listener whose Secret the manifests leave out."""
        secrets = []
        for (namespace, name), hosts in plan.missing_certificates(self.objects).items():
            secrets.append(tls_secret(namespace, name, *self.authority.issue(*hosts)))
        manifests.write(self.manifests / "demo-certificates.yaml", *secrets)

    def start_pods(self):
        nginx = os.environ.get("SLUICE_NGINX", "")
        has_nginx = os.access(nginx, os.X_OK)
        by_nginx = {b: a for b, a in self.placed.items() if has_nginx and b.pod in NGINX_PODS}
        echoing = [f"{b.pod}={address}:{b.target_port}" for b, address in self.placed.items() if b not in by_nginx]
        echo = self.network.pods.popen(self.bin / "lab-echo", *echoing, stdout=subprocess.PIPE, text=True)
        self.servers.append(echo)
        if echo.stdout.readline() != "ready\n":
            raise RuntimeError("lab-echo did not start")
        if by_nginx:
            self.start_nginx(nginx, by_nginx)
        self.report.say(f"{len(self.placed)} pods: {len(echoing)} echo their request, {len(by_nginx)} are nginx")

    def start_nginx(self, nginx, placed):
        folder = self.folder / "nginx"
        folder.mkdir()
        servers = "\n".join(NGINX_SERVER.format(address=a, port=b.target_port, pod=b.pod) for b, a in placed.items())
        (folder / "conf").write_text(NGINX_CONFIG.format(folder=folder, servers=servers))
        self.servers.append(self.network.pods.popen(nginx, "-p", folder, "-c", folder / "conf", "-e", folder / "error.log"))

    def edit(self, name, namespace, change):
        """Applies change(object) to one HTTPRoute where it stands, as an editor would: one file put in place."""
        for path in self.manifests.iterdir():
            documents = manifests.load_file(path)
            for found in documents:
                meta = found["metadata"]
                if (found["kind"], meta["name"], meta.get("namespace", "default")) == ("HTTPRoute", name, namespace):
                    change(found)
                    manifests.write(path, *documents)
                    return
        raise RuntimeError(f"no HTTPRoute {namespace}/{name}")

    def log_tail(self):
        return self.gateway.log_tail(30) if self.gateway and self.gateway.log.exists() else "(it was not started)"

    def describe(self):
        """What the sub-commands of a demo that was left up need."""
        return {"vip": self.vip, "ca": str(self.authority.certificate), "gwctl": str(self.bin / GWCTL),
                "client": self.network.client.enter(), "node": self.network.node.enter()}

    def close(self):
        if self.gateway is not None:
            self.gateway.stop()
        for server in self.servers:
            server.kill()
            server.wait()
        if self.network is not None:
            self.network.close()
        shutil.rmtree(self.folder, ignore_errors=True)
