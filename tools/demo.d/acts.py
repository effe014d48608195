"""What the demo shows, one function an act: each takes the stage, says what it saw, and raises
Unexpected if that is not what the manifests promise."""
import re
import time

import plan
from lab.client import Load, arping
from lab.gateway import wait_until

LOAD_SECONDS = 4


class Unexpected(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Unexpected(text)


def resolve_by_arp(stage, report):
    """Nobody has the VIP; Sluice starts; XDP answers for it."""
    client = stage.network.client
    expect(not arping(client, stage.vip), f"{stage.vip} is taken already")
    report.say(f"before: nobody answers ARP for {stage.vip}")
    start = time.monotonic()
    stage.gateway.start().wait_serving(stage.vip, seconds=30)
    report.say(f"sluice serves after {time.monotonic() - start:.2f} s")
    before = stage.gateway.verdicts(stage.vip)["arp_answered"]
    answers = arping(client, stage.vip, count=3)
    counted = stage.gateway.verdicts(stage.vip)["arp_answered"] - before
    mac = stage.network.node.mac(stage.interface)
    expect(answers and set(answers) == {mac}, f"ARP for {stage.vip}: answers from {answers}, the node is {mac}")
    expect(counted >= len(answers), f"XDP's counter arp_answered rose by {counted} over {len(answers)} answers")
    report.fact("arp", {"vip": stage.vip, "mac": mac, "answers": len(answers), "counted": counted, "by": mode(stage)},
                f"ARP: {stage.vip} is at {mac}, {len(answers)} answers, arp_answered +{counted} (answered by {mode(stage)})")


def mode(stage):
    """How the LAN's device is served: "xdp" or "tcx"."""
    lines = stage.gateway.gwctl("status").stdout.splitlines()
    return next((line.split()[1] for line in lines if line.startswith(stage.interface + " ")), "?")


def follow_redirect(stage, report):
    listeners = [l for g in plan.by_kind(stage.objects, "Gateway") for l in g["spec"]["listeners"]]
    if not any(l["protocol"] == "HTTP" for l in listeners) or not any(map(plan.redirects, plan.by_kind(stage.objects, "HTTPRoute"))):
        return
    host = plan.probes(stage.objects)[0][0].host
    answer = stage.client.get(f"http://{host}/some/path?q=1", http2=False)
    location = answer.headers.get("location")
    expect(answer.status in (301, 302, 307, 308) and location == f"https://{host}/some/path?q=1",
           f"http://{host}/some/path?q=1: {answer.status}, Location {location}")
    report.fact("redirect", {"status": answer.status, "location": location}, f"http -> https: {answer.status} {location}")


def url_of(stage, probe):
    return f"{'https' if has_tls(stage, probe.host) else 'http'}://{probe.host}{probe.path}"


def request(stage, probe, http2):
    """One probe; a row of the table."""
    url = url_of(stage, probe)
    answer = stage.client.get(url, http2=http2)
    problem = compare(probe, answer, "2" if http2 and url.startswith("https") else "1.1")
    return {"host": probe.host, "route": probe.route, "match": probe.match, "backend": answer.pod or "-",
            "status": answer.status, "protocol": f"HTTP/{answer.protocol}", "ms": round(answer.seconds * 1000, 1),
            "problem": problem}


def has_tls(stage, host):
    for gateway in plan.by_kind(stage.objects, "Gateway"):
        for listener in gateway["spec"]["listeners"]:
            name = listener.get("hostname", "")
            if listener["protocol"] == "HTTPS" and (not name or name == host or name[:2] == "*." and host.endswith(name[1:])):
                return True
    return False


def compare(probe, answer, protocol):
    """What is wrong with the answer; None if nothing is."""
    if answer.curl_status != 0:
        return answer.error
    if answer.status != probe.status:
        return f"status {answer.status} instead of {probe.status}"
    if answer.protocol != protocol:
        return f"HTTP/{answer.protocol} instead of HTTP/{protocol}"
    if probe.pods and answer.pod not in probe.pods:
        return f"answered by {answer.pod} instead of {' or '.join(probe.pods)}"
    if probe.headers and answer.body.startswith("{") and "headers" in answer.json():
        seen = {name.lower(): value for name, value in answer.json()["headers"]}
        for name, value in probe.headers.items():
            if seen.get(name) != value:
                return f"the pod saw {name}: {seen.get(name)} instead of {value}"
    return None


def request_every_match(stage, report):
    hits, _ = plan.probes(stage.objects)
    for probe in hits:
        for http2 in (True, False):
            report.row(request(stage, probe, http2))
    report.table()
    expect(not report.problems(), f"{len(report.problems())} requests were not answered as their routes say")


def request_misses(stage, report):
    for probe in plan.probes(stage.objects)[1]:
        row = request(stage, probe, True)
        expect(row["problem"] is None, f"{url_of(stage, probe)}: {row['problem']}")
        report.fact("miss", row, f"no match: {url_of(stage, probe)} is {row['status']}")


def under_load(stage, probe, seconds, change):
    """change() in the middle of a steady load over both protocols; the number of requests.
    None of them may fail."""
    url = url_of(stage, probe)
    with Load(stage.network.client, stage.vip, url, seconds, http2=True, clients=4, rps=400) as h2, \
            Load(stage.network.client, stage.vip, url, seconds, http2=False, clients=4, rps=400) as h1:
        time.sleep(seconds / 3)
        change()
    failed = h2.result.failed + h1.result.failed
    expect(failed == 0, f"{failed} requests failed under load\n{h2.result.text}\n{h1.result.text}")
    return h2.result.requests + h1.result.requests


def change_route_under_load(stage, report):
    """A response header is added to a route; the change is seen, and no request fails."""
    probe = plan.probes(stage.objects)[0][0]
    namespace, name = probe.route.split("/")
    took = []

    def add_header(route):
        for rule in route["spec"]["rules"]:
            rule.setdefault("filters", []).append(
                {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "X-Demo", "value": "changed"}]}})

    def change():
        start = time.monotonic()
        stage.edit(name, namespace, add_header)
        wait_until(lambda: stage.client.get(url_of(stage, probe)).headers.get("x-demo") == "changed", 5,
                   "the changed route")
        took.append(round((time.monotonic() - start) * 1000))

    requests = under_load(stage, probe, LOAD_SECONDS, change)
    report.fact("route_change", {"route": probe.route, "seen_after_ms": took[0], "requests": requests, "failed": 0},
                f"route {probe.route} changed under load: seen after {took[0]} ms, {requests} requests, 0 failed")


def served_serial(stage, host):
    done = stage.network.client.run("openssl", "s_client", "-connect", f"{stage.vip}:443", "-servername", host,
                                    stdin="", check=False, timeout=20)
    certificate = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", done.stdout, re.S)
    if not certificate:
        return None
    return stage.network.client.run("openssl", "x509", "-noout", "-serial", stdin=certificate.group(0)).stdout.strip()


def rotate_certificate_under_load(stage, report):
    if not plan.missing_certificates(stage.objects):
        return
    probe = next((p for p in plan.probes(stage.objects)[0] if has_tls(stage, p.host)), None)
    old, took = served_serial(stage, probe.host), []

    def change():
        start = time.monotonic()
        stage.write_certificates()
        wait_until(lambda: served_serial(stage, probe.host) not in (None, old), 5, "the new certificate")
        took.append(round((time.monotonic() - start) * 1000))

    requests = under_load(stage, probe, LOAD_SECONDS, change)
    new = served_serial(stage, probe.host)
    report.fact("certificate", {"host": probe.host, "old": old, "new": new, "seen_after_ms": took[0], "requests": requests, "failed": 0},
                f"certificate of {probe.host} rotated under load: {old} -> {new} after {took[0]} ms, "
                f"{requests} requests, 0 failed")


def kill_proxy(stage, report):
    """SIGKILL for the process that serves; the supervisor forks another, the VIP stays up."""
    probe = plan.probes(stage.objects)[0][0]
    url = url_of(stage, probe)
    pid = stage.gateway.proxy()
    start = time.monotonic()
    stage.gateway.kill(pid)
    wait_until(lambda: stage.client.get(url, "-m", "2").status == probe.status, 10, "an answer after the kill")
    took = round((time.monotonic() - start) * 1000)
    expect(arping(stage.network.client, stage.vip), "no ARP answer after the kill")
    expect(stage.gateway.proxy() != pid, "the killed proxy is still there")
    report.fact("kill_proxy", {"killed": pid, "answers_after_ms": took},
                f"proxy {pid} killed: a request made at once is answered after {took} ms by {stage.gateway.proxy()}; ARP goes on")


def explain(stage, report):
    probe = plan.probes(stage.objects)[0][0]
    done = stage.gateway.gwctl("explain", url_of(stage, probe))
    report.fact("explain", done.stdout.splitlines(), f"gwctl explain {url_of(stage, probe)}\n" +
                "\n".join("    " + line for line in done.stdout.splitlines()))
