"""The lab: a LAN with a router, a client, a gateway node and pods, all in network namespaces.

    network.py    namespaces, links, the topology
    gateway.py    Sluice on the node: start, wait, kill, read its state
    manifests.py  Kubernetes objects as dictionaries, written as manifests
    certs.py      a test CA and its certificates
    client.py     requests and load from the client's side
    case.py       the base class of the tests, and what makes one skip
Only one thread uses a lab. Nothing outside the namespaces that it made is touched, and all of them
are gone when it ends, however it ends.
"""
