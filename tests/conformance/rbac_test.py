"""What the agent asks of the API server, compared with the roles that are shipped.

The API server's audit log has each request of a service account. None may be refused, each must be in
a role, and what no role needs is named.
"""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from cluster.case import main  # noqa: E402
from cluster.objects import NAMESPACE  # noqa: E402
from cluster.sluice import DEPLOY, documents  # noqa: E402
from cluster.sluice_case import SluiceCase  # noqa: E402

AGENT = f"system:serviceaccount:{NAMESPACE}:sluice-agent"
EVERYONE = {("", "", "get")}  # /version and the like, which every account may read


def shipped():
    """{(group, resource, verb)} of all roles."""
    granted = set()
    for role in [*documents(DEPLOY / "plain"), *documents(DEPLOY / "kustomize" / "components" / "secrets-cluster")]:
        for rule in role.get("rules") or []:
            for group in rule.get("apiGroups", []):
                granted |= {(group, resource, verb) for resource in rule["resources"] for verb in rule["verbs"]}
    return granted


class Rights(SluiceCase):
    def requests(self):
        """[(group, resource, verb, status, URI)] of the agents until now."""
        found = []
        for line in self.laboratory.control_plane.audit.read_text().splitlines():
            event = json.loads(line)
            if event["user"]["username"] != AGENT:
                continue
            target = event.get("objectRef", {})
            resource = "/".join(word for word in (target.get("resource", ""), target.get("subresource")) if word)
            found.append((target.get("apiGroup", ""), resource, event["verb"], event.get("responseStatus", {}).get("code"),
                          event["requestURI"]))
        return found

    def test_no_request_is_refused_and_each_is_in_a_role(self):
        self.need_own_laboratory()
        requests = self.requests()
        self.assertTrue(requests, "the agent asked nothing, or the audit log is not written")
        refused = sorted({(verb, uri.split("?")[0]) for _, _, verb, status, uri in requests if status == 403})
        asked = {(group, resource, verb) for group, resource, verb, _, _ in requests}
        self.assertEqual(sorted(asked - shipped() - EVERYONE), [])
        unused = sorted("/".join(word for word in right if word) for right in shipped() - asked)
        self.report(requests=len(requests), rights=len(shipped()), refused=refused, unused=unused)
        self.assertEqual(refused, [])


if __name__ == "__main__":
    main()
