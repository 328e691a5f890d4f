"""Envoy's configuration of the sidecar overlay: deploy/envoy/envoy-unix.yaml with the pod's addresses.

kustomize reads nothing outside its own folder, so the overlay holds a copy; `--write` makes it anew.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "deploy/kubernetes/overlays/sidecar/envoy.yaml"
SOURCE = ROOT / "deploy/envoy/envoy-unix.yaml"
HEAD = """\
# Envoy beside accredit in one pod: port 8080, accredit behind the shared socket, and the service `api` of the
# namespace `api`. Made from deploy/envoy/envoy-unix.yaml by tests/deploy/sidecar_envoy.py --write; change it there.

"""
CHANGES = [
    ("{ address: 127.0.0.1, port_value: 8080 }", "{ address: 0.0.0.0, port_value: 8080 }"),
    ("    - name: api\n      type: STATIC\n", "    - name: api\n      type: STRICT_DNS\n"),
    ("{ address: 127.0.0.1, port_value: 8081 }", "{ address: api.api.svc.cluster.local, port_value: 8080 }"),
]


def expected():
    """The copy as it has to be."""
    text = SOURCE.read_text()
    text = text[text.index("static_resources:"):]
    for old, new in CHANGES:
        if text.count(old) != 1:
            raise ValueError(f"deploy/envoy/envoy-unix.yaml has {text.count(old)} times, not once: {old!r}")
        text = text.replace(old, new)
    return HEAD + text


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        COPY.write_text(expected())
    else:
        sys.exit("usage: sidecar_envoy.py --write")
