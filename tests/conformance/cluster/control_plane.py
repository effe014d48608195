"""etcd, kube-apiserver and kube-controller-manager on the router."""
import json
import os
import secrets

from lab.gateway import wait_until
from lab.network import run

from cluster.api import Api, ApiError
from cluster.lan import ROUTER

PORT = 6443
SERVICES = "10.96.0.0/16"
# Exact names: an unknown one is fatal. What looks for heartbeats of nodes is left out.
CONTROLLERS = ("deployment-controller", "replicaset-controller", "daemonset-controller", "endpointslice-controller",
               "namespace-controller", "garbage-collector-controller", "serviceaccount-controller",
               "root-ca-certificate-publisher-controller")
# What service accounts do is written down, for a comparison with their roles.
AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
    {"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]}


class ControlPlane:
    def __init__(self, host, programs, daemons, folder):
        self.host = host
        self.programs = programs
        self.daemons = daemons
        self.folder = folder
        self.kubeconfig = folder / "admin.kubeconfig"
        self.certificate = folder / "pki" / "apiserver.crt"
        self.audit = folder / "audit.log"
        self.token = secrets.token_hex(16)

    def start(self):
        self.write_credentials()
        self.start_etcd()
        self.start_api_server()
        self.daemons.start("kube-controller-manager", self.host, *self.controller_manager())
        return self

    def write_credentials(self):
        (self.folder / "pki").mkdir()
        os.umask(0o022)
        key = self.folder / "sa.key"
        run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        run("openssl", "ec", "-in", key, "-pubout", "-out", self.folder / "sa.pub")
        (self.folder / "tokens.csv").write_text(f"{self.token},admin,admin,system:masters\n")
        (self.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))
        self.write_kubeconfig(self.kubeconfig, self.token)

    def write_kubeconfig(self, path, token, server=f"https://{ROUTER}:{PORT}"):
        """For whoever has that token. JSON is YAML."""
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": server, "certificate-authority": str(self.certificate)}}],
            "users": [{"name": "lab", "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]}))
        path.chmod(0o600)

    def api(self):
        return Api(self.host, ROUTER, PORT, self.certificate, self.token)

    def start_etcd(self):
        self.daemons.start("etcd", self.host, self.programs["etcd"], "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
                           "--log-level", "warn")

    def start_api_server(self):
        self.daemons.start("kube-apiserver", self.host, *self.api_server())
        self.wait_ready()

    def wait_ready(self, seconds=60):
        api = self.api()

        def ready():
            if not self.daemons["kube-apiserver"].running():
                raise RuntimeError(f"kube-apiserver ended:\n{self.daemons['kube-apiserver'].tail()}")
            try:
                return self.certificate.exists() and api.raw("GET", "/readyz")[0] == 200
            except (OSError, ApiError):
                return False
        wait_until(ready, seconds, "the API server")
        api.close()

    def api_server(self):
        """Its serving certificate is made by itself and is its own authority."""
        f = self.folder
        return [
            self.programs["kube-apiserver"], "--etcd-servers", "http://127.0.0.1:2379",
            "--bind-address", "0.0.0.0", "--advertise-address", ROUTER, "--secure-port", PORT, "--cert-dir", f / "pki",
            "--token-auth-file", f / "tokens.csv", "--authorization-mode", "Node,RBAC",
            "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", f / "sa.pub",
            "--service-account-signing-key-file", f / "sa.key", "--service-cluster-ip-range", SERVICES,
            "--kubelet-preferred-address-types", "InternalIP", "--enable-priority-and-fairness=false", "--profiling=false",
            "--audit-policy-file", f / "audit-policy.json", "--audit-log-path", self.audit, "--audit-log-mode", "blocking"]

    def controller_manager(self):
        return [
            self.programs["kube-controller-manager"], "--kubeconfig", self.kubeconfig, "--leader-elect=false",
            "--secure-port", 0, "--profiling=false", "--controllers", ",".join(CONTROLLERS),
            "--service-account-private-key-file", self.folder / "sa.key", "--root-ca-file", self.certificate,
            "--kube-api-qps", 500, "--kube-api-burst", 500]
