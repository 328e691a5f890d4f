"""The alerts of the monitoring component: deploy/prometheus/accredit.rules.yaml as a PrometheusRule.

kustomize cannot read files outside its folder or insert a file into a field, so the component has a copy. `--write`
writes it again.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "deploy/kubernetes/components/monitoring/prometheus-rule.yaml"
SOURCE = ROOT / "deploy/prometheus/accredit.rules.yaml"
HEAD = """\
# The alerts of accredit. Generated from deploy/prometheus/accredit.rules.yaml by
# tests/deploy/prometheus_rule.py --write; edit that file.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: accredit
  namespace: accredit
  labels:
    app.kubernetes.io/name: accredit
spec:
"""


def expected():
    """The expected content of the copy."""
    text = SOURCE.read_text()
    groups = text[text.index("groups:"):]
    return HEAD + "".join(f"  {line}" if line.strip() else line for line in groups.splitlines(keepends=True))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        COPY.write_text(expected())
    else:
        sys.exit("usage: prometheus_rule.py --write")
