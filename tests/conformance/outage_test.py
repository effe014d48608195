"""What is served goes on being served while something of the control plane is away."""
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster import objects  # noqa: E402
from cluster.api import condition  # noqa: E402
from cluster.case import main  # noqa: E402
from cluster.sluice_case import SluiceCase  # noqa: E402


class Outage(SluiceCase):
    NODES = 2

    def setUp(self):
        self.need_own_laboratory()

    @property
    def api_server(self):
        return self.laboratory.daemons["kube-apiserver"]

    def start_api_server(self):
        self.api_server.start()
        self.laboratory.control_plane.wait_ready()

    def assert_follows(self, service):
        """A change is served again."""
        self.api.wait("the API server takes a change", lambda: self.api.apply(self.route(service)) or True)
        self.within(30, lambda: self.pod() == service, f"an answer from {service}")

    def test_the_api_server_is_killed_and_comes_back_under_load(self):
        with self.load(20) as h1, self.load(20, http2=True, secure=True) as h2:
            self.api_server.kill()
            time.sleep(5)  # the length of the outage
            self.start_api_server()
            self.assert_follows("b")
            self.assert_follows("a")
        self.assert_none_failed(h1, h2)

    def test_an_agent_that_starts_while_the_api_is_away_serves_the_last_state(self):
        agents = [pid for node in range(self.NODES) for pid in self.pids("sluice-agent", node)]
        self.assertEqual(len(agents), self.NODES)
        self.api_server.kill()
        try:
            with self.load(15) as load:
                for pid in agents:
                    os.kill(pid, signal.SIGKILL)
                self.within(10, lambda: all(
                    set(self.pids("sluice-agent", node)) - set(agents) for node in range(self.NODES)), "new agents")
                time.sleep(5)  # well beyond what the old ones had promised
                self.assertEqual(self.pod(), "a")
        finally:
            self.start_api_server()
        self.assert_none_failed(load)
        self.assert_follows("b")
        self.assert_follows("a")
        self.assertEqual(self.wait_programmed("shared"), self.vip)  # it was not moved

    def leader(self):
        lease = self.api.get("Lease", "sluice-agent", "sluice-system")
        return lease and lease["spec"].get("holderIdentity")

    def test_the_next_leader_writes_status(self):
        leader = self.api.wait("a leader", self.leader)
        node = next(i for i, host in enumerate(self.laboratory.lan.nodes) if leader.startswith(host.node_name))
        container = self.pids("sluice-agent", node)[0]
        with self.load(10) as load:
            os.kill(container, signal.SIGKILL)
            took = self.within(30, lambda: self.accepted(f"after-{int(time.time() * 1000)}"), "a status after the leader's death")
        self.assert_none_failed(load)
        self.report(status_after_leader_death_s=round(took, 1))

    def accepted(self, name):
        """A new route becomes Accepted within two seconds."""
        self.api.apply(objects.http_route(name, self.namespace, "shared", ("b", 8080), hostnames=["after.example.test"]))
        self.addCleanup(self.api.delete, "HTTPRoute", name, self.namespace)
        try:
            self.api.wait(name, lambda: any(
                condition({"metadata": route["metadata"], "status": parent}, "Accepted") == "True"
                for route in [self.api.get("HTTPRoute", name, self.namespace)] for parent in route.get("status", {}).get("parents", [])), 2)
        except TimeoutError:
            return False
        return True


if __name__ == "__main__":
    main()
