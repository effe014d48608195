"""A test CA and its certificates, made with the openssl program."""
import base64
import pathlib

from lab.network import run


class Authority:
    """A CA in a folder of its own; ca.pem is what clients trust."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        self.serial = 0
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", "/CN=Sluice lab CA", "-keyout", self.key, "-out", self.certificate,
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, *names, days=10, key="ec"):
        """(certificate path, key path) for these DNS names; key is "ec" or "rsa"."""
        self.serial += 1
        base = self.folder / f"{names[0].replace('*', 'wildcard')}-{self.serial}"
        how = ["-newkey", "rsa:2048"] if key == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        run("openssl", "req", *how, "-nodes", "-subj", f"/CN={names[0]}", "-keyout", f"{base}.key", "-out", f"{base}.csr")
        extensions = base.with_name(base.name + ".ext")
        extensions.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        run("openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", self.certificate, "-CAkey", self.key,
            "-set_serial", 1000 + self.serial, "-days", days, "-extfile", extensions, "-out", f"{base}.pem")
        return pathlib.Path(f"{base}.pem"), pathlib.Path(f"{base}.key")


def tls_secret(namespace, name, certificate, key):
    """A Secret of type kubernetes.io/tls."""
    def encoded(path):
        return base64.b64encode(pathlib.Path(path).read_bytes()).decode()
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": name, "namespace": namespace},
            "data": {"tls.crt": encoded(certificate), "tls.key": encoded(key)}}


def serial_of(certificate):
    return run("openssl", "x509", "-noout", "-serial", "-in", certificate).stdout.strip().split("=")[1]
