"""Files that the manifests and the chart have as copies: the alerts, the dashboard, and the demo in kind.

kustomize and Helm read no files outside their folders, so each has copies. `--write` writes them again.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy/prometheus/accredit.rules.yaml"
DASHBOARD = ROOT / "deploy/grafana/accredit.json"
COMPONENTS = ROOT / "deploy/kubernetes/components"
CHART = ROOT / "deploy/helm/accredit/files"
KIND = ROOT / "deploy/kind"
RULE_HEAD = """\
# The alerts of accredit. Generated from deploy/prometheus/accredit.rules.yaml by
# tests/deploy/copies.py --write; edit that file.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: accredit
  namespace: accredit
  labels:
    app.kubernetes.io/name: accredit
    # kube-prometheus-stack finds only rules with the name of its release. Replace it by yours.
    release: kube-prometheus-stack
spec:
"""


def groups():
    """The groups of alerts, without the comment above them."""
    text = ALERTS.read_text()
    return text[text.index("groups:"):]


def expected():
    """Each copy and its expected content."""
    rule = "".join(f"  {line}" if line.strip() else line for line in groups().splitlines(keepends=True))
    return {
        COMPONENTS / "alerts/prometheus-rule.yaml": RULE_HEAD + rule,
        COMPONENTS / "dashboard/accredit.json": DASHBOARD.read_text(),
        CHART / "accredit.rules.yaml": groups(),
        CHART / "accredit.json": DASHBOARD.read_text(),
        KIND / "envoy.yaml": (ROOT / "deploy/envoy/envoy.yaml").read_text(),
        KIND / "sample_api.py": (ROOT / "demo/sample_api.py").read_text(),
    }


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: copies.py --write")
    for copy, content in expected().items():
        copy.write_text(content)
