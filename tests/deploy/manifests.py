"""The manifests, rendered by kubectl and parsed."""

import functools
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
# Each overlay with the components that are likely to be added.
VARIANTS = {
    "base": [],
    "base, monitored and autoscaled": ["monitoring", "autoscaling"],
    "base, monitored by pods": ["pod-monitor", "dashboard"],
    "overlays/istio": ["monitoring"],
    "overlays/istio, strict": ["istio-strict"],
    "overlays/istio-gateway-api": [],
    "overlays/istio-waypoint": [],
    "overlays/envoy-gateway": ["autoscaling"],
    "overlays/envoy-gateway, in namespaces": ["envoy-gateway-namespace"],
    "overlays/envoy-gateway, strict and with TLS": ["envoy-gateway-strict", "envoy-gateway-tls"],
    "overlays/gateway-api": [],
    "overlays/mtls": ["monitoring", "autoscaling"],
    "overlays/sidecar": [],
}
CUSTOM = ("istio.io", "gateway.networking.k8s.io", "gateway.envoyproxy.io", "cert-manager.io", "monitoring.coreos.com")


class Failure(Exception):
    """A failed test. The text says what is wrong."""


def run(command, **options):
    """Runs a command, and gives what it printed; its own words are the failure."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command[:3]))}: {done.stdout}{done.stderr}".strip())
    return done.stdout


@functools.cache
def rendered(variant):
    """The text of a variant."""
    folder = variant.split(",")[0]
    if not VARIANTS[variant]:
        return run(["kubectl", "kustomize", KUBERNETES / folder])
    # As an operator would do it: a kustomization of one's own. kustomize takes relative paths alone.
    own = ROOT / "target/deploy" / variant.replace(", ", "-").replace(" ", "-")
    own.mkdir(parents=True, exist_ok=True)
    lines = ["resources:", f"- {os.path.relpath(KUBERNETES / folder, own)}", "components:"]
    lines += [f"- {os.path.relpath(KUBERNETES / 'components' / name, own)}" for name in VARIANTS[variant]]
    (own / "kustomization.yaml").write_text("\n".join(lines) + "\n")
    return run(["kubectl", "kustomize", own])


def resources(variant):
    """The resources of a variant."""
    return list(yaml.safe_load_all(rendered(variant)))


def is_custom(resource):
    """Whether a resource's schema is not Kubernetes' own."""
    return resource["apiVersion"].split("/")[0].endswith(CUSTOM)


def one(variant, kind, name=None):
    """The one resource of that kind."""
    found = [r for r in resources(variant) if r["kind"] == kind and name in (None, r["metadata"]["name"])]
    if len(found) != 1:
        raise Failure(f"{variant}: {len(found)} of {kind} {name or ''}, not one")
    return found[0]


def same(what, actual, expected):
    """Fails unless both are equal."""
    if actual != expected:
        raise Failure(f"{what}: {actual!r}, not {expected!r}")


def workload(variant):
    """The Deployment, its container of accredit, and the configuration that is mounted into it."""
    name = "edge" if variant == "overlays/sidecar" else "accredit"
    deployment = one(variant, "Deployment", name)
    pod = deployment["spec"]["template"]["spec"]
    containers = pod.get("initContainers", []) + pod["containers"]
    container = next(c for c in containers if c["name"] == "accredit")
    return deployment, container, mounted_configuration(variant, pod, container)


def mounted_configuration(variant, pod, container):
    """The text of the file that `--config` names, found as the container would find it."""
    path = pathlib.PurePosixPath(container["args"][container["args"].index("--config") + 1])
    mount = next(m for m in container["volumeMounts"] if m["mountPath"] == str(path.parent))
    same("the configuration's mount", (mount.get("readOnly"), "subPath" in mount), (True, False))
    volume = next(v for v in pod["volumes"] if v["name"] == mount["name"])
    return one(variant, "ConfigMap", volume["configMap"]["name"])["data"][path.name]
