"""The examples in deploy/module, the image that carries the module, and the alert: each as the tools that read them read them."""

import os
import pathlib
import re
import subprocess
import tempfile

import kubernetes_validate
import yaml

import configuration
import schemas
from manifests import ROOT, Failure, is_custom, run, same

FOLDER = ROOT / "deploy/module"
VERSION = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
MODULE = f"/usr/lib/envoy/modules/libaccredit-{VERSION}.so"
IMAGE = f"registry.example/accredit-module:{VERSION}"
# Envoy Gateway publishes its schemas in no package registry; see schemas.py. These fields were read in its types.
SHAPES = {
    "EnvoyProxy": {
        "provider": {"type": str, "kubernetes": {"envoyDeployment": {
            "initContainers": [dict], "container": {"volumeMounts": [dict]}, "pod": {"volumes": [dict]},
        }}},
        "dynamicModules": [{"name": str, "doNotClose": bool, "source": {"type": str, "local": {"path": str}}}],
        "filterOrder": [{"name": str, "after": str}],
    },
    "EnvoyExtensionPolicy": {
        "targetRefs": [{"group", "kind", "name"}],
        "dynamicModule": [{"name": str, "filterName": str, "config": dict}],
    },
}


def documents(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def one(name, kind):
    (found,) = (d for d in documents(name) if d["kind"] == kind)
    return found


def pods():
    """What each gateway's Deployment gets, with the name of Envoy's container there."""
    deployment = one("envoy-gateway.yaml", "EnvoyProxy")["spec"]["provider"]["kubernetes"]["envoyDeployment"]
    yield "Envoy Gateway", {
        "initContainers": deployment["initContainers"],
        "containers": [{"name": "envoy", "image": "envoy", **deployment["container"]}],
        "volumes": deployment["pod"]["volumes"],
    }
    patch = yaml.safe_load(one("istio.yaml", "ConfigMap")["data"]["deployment"])
    same("parts of the patch", (list(patch), list(patch["spec"])), (["spec"], ["template"]))
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    same("container", container["name"], "istio-proxy")
    yield "Istio", {**patch["spec"]["template"]["spec"], "containers": [{**container, "image": "proxy"}]}


def examples_of_the_module_have_known_fields_alone():
    custom = [d for name in ("envoy-gateway.yaml", "istio.yaml") for d in documents(name) if is_custom(d)]
    known = [d for d in custom if not d["apiVersion"].startswith("gateway.envoyproxy.io/")]
    same("kinds", {d["kind"] for d in known}, {"GatewayClass", "Gateway", "EnvoyFilter"})
    same("problems", schemas.custom_problems(known), [])
    others = [d for d in custom if d not in known]
    same("kinds of Envoy Gateway", {d["kind"] for d in others}, set(SHAPES))
    for resource in others:
        schemas.fits(resource["spec"], SHAPES[resource["kind"]], resource["kind"])
    try:
        schemas.fits({"dynamicModule": [{"name": "a", "filtername": "b"}]}, SHAPES["EnvoyExtensionPolicy"], "misspelt")
    except Failure:
        return
    raise Failure("a misspelt field passes")


def gateways_of_the_examples_get_the_file_where_the_filter_looks_for_it():
    for gateway, pod in pods():
        labels = {"app": "gateway"}
        deployment = {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "gateway"},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}},
        }
        for version in schemas.VERSIONS:
            try:
                kubernetes_validate.validate(deployment, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                raise Failure(f"{gateway} for {version}: {error.message} at {list(error.path)}") from error
        (init,), (container,), (volume,) = pod["initContainers"], pod["containers"], pod["volumes"]
        same(f"{gateway}: image", init["image"], IMAGE)
        (shared,), (mounted,) = init["volumeMounts"], container["volumeMounts"]
        same(f"{gateway}: volumes", {shared["name"], mounted["name"]}, {volume["name"]})
        same(f"{gateway}: argument", init["args"], [shared["mountPath"]])
        same(f"{gateway}: folder", mounted["mountPath"], str(pathlib.PurePosixPath(MODULE).parent))
    (module,) = one("envoy-gateway.yaml", "EnvoyProxy")["spec"]["dynamicModules"]
    (use,) = one("envoy-gateway.yaml", "EnvoyExtensionPolicy")["spec"]["dynamicModule"]
    same("source", module["source"], {"type": "Local", "local": {"path": MODULE}})
    same("name", use["name"], module["name"])
    (patch,) = one("istio.yaml", "EnvoyFilter")["spec"]["configPatches"]
    same("file", patch["patch"]["value"]["typed_config"]["dynamic_module_config"]["module"], {"local": {"filename": MODULE}})
    gateway = one("istio.yaml", "Gateway")
    same("parameters", gateway["spec"]["infrastructure"]["parametersRef"]["name"], one("istio.yaml", "ConfigMap")["metadata"]["name"])
    labels = one("istio.yaml", "EnvoyFilter")["spec"]["workloadSelector"]["labels"]
    same("selected", labels, {"gateway.networking.k8s.io/gateway-name": gateway["metadata"]["name"]})


def configurations_of_the_examples_are_those_of_the_service():
    (use,) = one("envoy-gateway.yaml", "EnvoyExtensionPolicy")["spec"]["dynamicModule"]
    (patch,) = one("istio.yaml", "EnvoyFilter")["spec"]["configPatches"]
    texts = {
        "accredit.yaml": (FOLDER / "accredit.yaml").read_text(),
        "envoy-gateway.yaml": yaml.safe_dump(use["config"]),
        "istio.yaml": patch["patch"]["value"]["typed_config"]["filter_config"]["value"],
    }
    for name, text in texts.items():
        # The one key that only the module has.
        text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("metadata_form:"))
        same(f"{name}: accredit check", configuration.check(text), (0, "the configuration is valid\n"))


def the_examples_envoy_accepts_the_filter_of_istio():
    """The filter of the EnvoyFilter in place of the one in deploy/module/envoy.yaml, with the module that was built."""
    (patch,) = one("istio.yaml", "EnvoyFilter")["spec"]["configPatches"]
    (envoy,) = documents("envoy.yaml")
    manager = envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    same("first filter", manager["http_filters"][0]["name"], patch["patch"]["value"]["name"])
    manager["http_filters"][0] = patch["patch"]["value"]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "envoy.yaml")
        file.write_text(yaml.safe_dump(envoy).replace(MODULE, str(built())))
        run([ROOT / ".venv/bin/envoy", "--mode", "validate", "-c", file])


def built():
    """The module that `cargo test` has built."""
    file = ROOT / "target/debug/deps/libaccredit_module.so"
    if not file.is_file():
        raise Failure(f"there is no {file.relative_to(ROOT)}: run `make test`, or `cargo test --no-run --test envoy` once")
    return file


def the_image_of_the_module_copies_the_file_and_has_nothing_else():
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder, "rootfs")
        run([FOLDER / "rootfs.sh", built(), VERSION, root])
        name = pathlib.PurePosixPath(MODULE).name
        found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        same("files", found, {"copy", f"modules/{name}"})
        same("times", {path.lstat().st_mtime for path in [root, *root.rglob("*")]}, {0.0})
        (root / "shared").mkdir()
        (root / "shared").chmod(0o777)
        os.chmod(folder, 0o755)
        # As the container runtime does it: as the image's user, with nothing of this machine.
        command = ["chroot", "--userspec=65532:65532", root, "/copy"]
        if os.geteuid() != 0:
            command = ["unshare", "--map-root-user", f"--root={root}", "/copy"]
        same("printed", run([*command, "/shared"], env={"PATH": os.environ["PATH"]}), f"/shared/{name}\n")
        same("copies", [path.name for path in (root / "shared").iterdir()], [name])
        same("content", (root / "shared" / name).read_bytes() == built().read_bytes(), True)
        failed = subprocess.run([*command, "/absent"], capture_output=True, text=True, check=False)
        same("without a folder", (failed.returncode, failed.stderr.startswith("/absent: ")), (1, True))


def hadolint_has_no_objection_to_the_image_of_the_module():
    run([ROOT / ".tools/deploy/bin/hadolint", FOLDER / "Dockerfile"])


TESTS = [
    examples_of_the_module_have_known_fields_alone,
    gateways_of_the_examples_get_the_file_where_the_filter_looks_for_it,
    configurations_of_the_examples_are_those_of_the_service,
    the_examples_envoy_accepts_the_filter_of_istio,
    the_image_of_the_module_copies_the_file_and_has_nothing_else,
    hadolint_has_no_objection_to_the_image_of_the_module,
]
