#!/usr/bin/env python3
"""rootfs_test.py BIN: the image's root file system, assembled offline and started.

In a network and a mount namespace of its own, read-only, with the users, capabilities and mounts of
the DaemonSet: agent and proxy serve a Gateway from it. Without the packet path, so that no BPF is
loaded. Needs root, else it is skipped.
"""
import contextlib
import ctypes
import http.client
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
LIBC = ctypes.CDLL(None, use_errno=True)
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
AGENT_CAPABILITIES = {12, 38, 39}  # NET_ADMIN, PERFMON, BPF
VIP = "192.0.2.1"
MANIFESTS = f"""
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {{name: sluice}}
spec: {{controllerName: sluice.edgeprime.io/gateway-controller}}
---
apiVersion: sluice.edgeprime.io/v1alpha1
kind: AddressPool
metadata: {{name: lan}}
spec: {{ranges: [{VIP}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: g, namespace: n}}
spec:
  gatewayClassName: sluice
  listeners: [{{name: http, port: 8080, protocol: HTTP}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r, namespace: n}}
spec:
  parentRefs: [{{name: g}}]
  rules:
    - filters: [{{type: RequestRedirect, requestRedirect: {{scheme: https, hostname: there.example, statusCode: 301}}}}]
"""


def mount(source, target, kind=None, flags=0, data=None):
    encoded = [None if a is None else str(a).encode() for a in (source, target, kind)]
    if LIBC.mount(*encoded, flags, None if data is None else data.encode()):
        raise OSError(ctypes.get_errno(), f"mounting {target}")


def enter(root, user, capabilities):
    """In the child: the container's root, user and privileges, as a runtime would set them."""
    os.chroot(root)
    os.chdir("/")
    LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in set(range(41)) - capabilities:
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


class RootFileSystem(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-rootfs."))
        cls.root = cls.folder / "root"
        subprocess.run([SOURCE / "deploy/image/rootfs", BIN, cls.root], check=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_holds_nothing_but_what_is_needed(self):
        files = {str(p.relative_to(self.root)) for p in self.root.rglob("*") if not p.is_dir() or p.is_symlink()}
        loader = {f for f in files if f.startswith("usr/lib/ld-linux")}
        licences = {f for f in files if f.startswith("usr/share/licenses/sluice/")}
        self.assertEqual(len(loader), 1)
        self.assertIn("usr/share/licenses/sluice/LICENSE", licences)
        self.assertEqual(files - loader - licences - {"etc/ssl/certs/ca-certificates.crt"}, {
            "usr/bin/sluice-agent", "usr/bin/sluice-proxy", "usr/bin/gwctl", "usr/bin/kubectl-gw",
            "usr/lib/libc.so.6", "usr/lib/libm.so.6", "lib", "lib64", "var/run",
            "etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/hosts", "etc/resolv.conf"})

    def test_gives_nobody_more_rights(self):
        for path in self.root.rglob("*"):
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode) or path.name == "tmp":
                continue
            self.assertEqual(mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH), 0, path)

    def test_is_small(self):
        size = sum(p.stat().st_size for p in self.root.rglob("*") if p.is_file() and not p.is_symlink())
        self.assertLess(size, 60 << 20)

    def test_programs_run(self):
        for program in ("sluice-agent", "sluice-proxy", "gwctl", "kubectl-gw"):
            with self.subTest(program):
                done = subprocess.run([f"/usr/bin/{program}", "--help"], capture_output=True, env={},
                                      preexec_fn=lambda: enter(self.root, 65532, set()))
                self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_serves_a_gateway(self):
        self.start_mounts()
        (self.root / "var/lib/sluice/manifests").mkdir()
        (self.root / "var/lib/sluice/manifests/all.yaml").write_text(MANIFESTS)
        agent = self.spawn(0, AGENT_CAPABILITIES, "sluice-agent", "--no-packet-path", "--manifests=/var/lib/sluice/manifests",
                           "--proxy-socket=/run/proxy/agent.sock", "--proxy-uid=65532", "--metrics=off")
        proxy = self.spawn(65532, set(), "sluice-proxy", "--supervise", "--agent-socket=/run/proxy/agent.sock",
                           "--workers=1", "--metrics=off")
        self.assertEqual(self.fetch(agent, proxy), (301, "https://there.example/x"))
        said = subprocess.run(["/usr/bin/gwctl", "get", "gateways", "-A"], capture_output=True, text=True, env={},
                              preexec_fn=lambda: enter(self.root, 0, set()))
        self.assertRegex(said.stdout, rf"\bg\b.*\b{VIP}\b", said.stderr)
        for process in (proxy, agent):
            process.terminate()
            self.assertEqual(process.wait(20), 0)

    def start_mounts(self):
        mount(self.root, self.root, None, MS_BIND)
        self.addCleanup(subprocess.run, ["umount", "--recursive", "--lazy", self.root], check=True)
        mount(self.root, self.root, None, MS_BIND | MS_REMOUNT | MS_RDONLY)
        mount("proc", self.root / "proc", "proc")
        for folder in ("run/sluice", "run/proxy", "var/lib/sluice"):
            mount("tmpfs", self.root / folder, "tmpfs", 0, "mode=0777" if folder == "run/proxy" else "mode=0755")
        with self.assertRaises(OSError):  # the root itself is as the DaemonSet says
            (self.root / "usr/x").touch()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "address", "add", f"{VIP}/32", "dev", "lo"], check=True)

    def spawn(self, user, capabilities, program, *arguments):
        process = subprocess.Popen([f"/usr/bin/{program}", *arguments], env={},
                                   preexec_fn=lambda: enter(self.root, user, capabilities))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def fetch(self, *processes):
        end = time.monotonic() + 30
        while True:
            for process in processes:
                self.assertIsNone(process.poll(), "ended by itself")
            try:
                with contextlib.closing(http.client.HTTPConnection(VIP, 8080, timeout=5)) as connection:
                    connection.request("GET", "/x", headers={"Host": "a.example"})
                    answer = connection.getresponse()
                    return answer.status, answer.getheader("location")
            except (OSError, http.client.HTTPException):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)  # until the first configuration is applied


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIP: needs root for namespaces and chroot")
        sys.exit(77)
    if os.environ.get("SLUICE_ROOTFS_INNER") != "1":
        os.execvpe("unshare", ["unshare", "--mount", "--net", "--propagation", "private", sys.executable, "-B",
                               *sys.argv], {**os.environ, "SLUICE_ROOTFS_INNER": "1"})
    BIN = sys.argv.pop(1)
    unittest.main()
