"""The alerts of the monitoring component: deploy/prometheus/accredit.rules.yaml as a PrometheusRule.

kustomize reads nothing outside its own folder, and puts no file into a resource's fields, so the component holds a copy;
`--write` makes it anew.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
COPY = ROOT / "deploy/kubernetes/components/monitoring/prometheus-rule.yaml"
SOURCE = ROOT / "deploy/prometheus/accredit.rules.yaml"
HEAD = """\
# What an operator must hear of, whoever else watches. Made from deploy/prometheus/accredit.rules.yaml by
# tests/deploy/prometheus_rule.py --write; change it there.
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
    """The copy as it has to be."""
    text = SOURCE.read_text()
    groups = text[text.index("groups:"):]
    return HEAD + "".join(f"  {line}" if line.strip() else line for line in groups.splitlines(keepends=True))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        COPY.write_text(expected())
    else:
        sys.exit("usage: prometheus_rule.py --write")
