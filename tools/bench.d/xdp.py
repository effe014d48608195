"""A packet's time in the BPF programs: BPF_PROG_TEST_RUN with the capabilities that the agent has.

CAP_PERFMON matters: without it the verifier masks pointers against speculation, which costs time.
"""
import json
import pathlib
import subprocess


def measure(programs):
    """{what: ns per packet}; the reason as text if it cannot be measured here."""
    program = programs.own("packet_cost")
    if not pathlib.Path(program).exists():
        return {"not measured": "packet_cost is not built"}
    done = subprocess.run(["setpriv", "--bounding-set", "-all,+bpf,+net_admin,+perfmon", program, "--json"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"not measured": (done.stderr or done.stdout).strip()}
    values = json.loads(done.stdout)
    return {"empty program": values["empty_ns"], "PASS (TCP)": values["pass_ns"],
            "ARP for another address": values["foreign_arp_ns"], "ARP answered": values["arp_answer_ns"]}
