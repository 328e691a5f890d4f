"""The Helm chart, rendered without a cluster: the same resources as deploy/kubernetes, valid, and refused where values are wrong."""

import copy
import functools
import json
import pathlib
import tempfile

import helm_python as helm
import kubernetes_validate
import yaml

import configuration
import copies
import manifests
import schemas
from manifests import ROOT, Failure, is_custom, same

CHART = ROOT / "deploy/helm/accredit"
ONE_ISSUER = yaml.safe_load((CHART / "ci/one-issuer-values.yaml").read_text())
EVERYTHING = yaml.safe_load((CHART / "ci/everything-values.yaml").read_text())
# Labels and annotations that Helm's charts have and kustomize's bases do not.
OF_HELM = ("app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart", "checksum/config")


def merged(base, **changes):
    """Values with some of them changed."""
    values = copy.deepcopy(base)
    for name, value in changes.items():
        values[name] = {**values.get(name, {}), **value} if isinstance(value, dict) else value
    return values


@functools.cache
def templates(text, name="accredit"):
    """What the chart makes of values, by template."""
    with helm.Chart.load(CHART) as chart:
        return chart.render(yaml.safe_load(text), name=name, namespace="accredit")


def rendered(values, name="accredit"):
    """The resources that the chart makes."""
    texts = templates(yaml.safe_dump(values), name).items()
    documents = (yaml.safe_load_all(text) for file, text in texts if not file.endswith("NOTES.txt"))
    return [resource for document in documents for resource in document if resource]


def by_name(resources):
    return {f"{r['kind']}/{r['metadata']['name']}": r for r in resources}


def without_what_helm_adds(value):
    """Without labels of Helm, and without mappings that are then empty."""
    if isinstance(value, list):
        return [without_what_helm_adds(member) for member in value]
    if not isinstance(value, dict):
        return value
    kept = {name: without_what_helm_adds(member) for name, member in value.items() if name not in OF_HELM}
    return {name: member for name, member in kept.items() if not (name in ("labels", "annotations") and not member)}


def comparable(resources):
    """Resources without the differences between kustomize and Helm: the hash in a ConfigMap's name, Helm's labels, comments on
    how to set the digest, the form of the configuration's text, and the place of part-of in selectors."""
    found = {}
    for resource in without_what_helm_adds(copy.deepcopy(resources)):
        metadata = resource["metadata"]
        metadata.get("annotations", {}).pop("checkov.io/skip1", None)
        if resource["kind"] == "ConfigMap" and "accredit.yaml" in resource["data"]:
            metadata["name"] = "accredit"
            resource["data"]["accredit.yaml"] = yaml.safe_load(resource["data"]["accredit.yaml"])
        if resource["kind"] == "Deployment":
            for volume in resource["spec"]["template"]["spec"]["volumes"]:
                if volume["name"] == "config":
                    volume["configMap"]["name"] = "accredit"
        found[f"{resource['kind']}/{metadata['name']}"] = resource
    return found


def differences(one, other, where=""):
    """The places where two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        return [d for name in sorted(set(one) | set(other))
                for d in differences(one.get(name), other.get(name), f"{where}/{name}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [d for index, (a, b) in enumerate(zip(one, other)) for d in differences(a, b, f"{where}/{index}")]
    return [] if one == other else [f"{where}: {one!r}, not {other!r}"]


def the_chart_makes_the_same_resources_as_the_base():
    expected = comparable(manifests.resources("base"))
    # Helm makes the namespace only if it is asked to (--create-namespace), and then without labels.
    del expected["Namespace/accredit"]
    same("differences", differences(comparable(rendered(ONE_ISSUER)), expected), [])


def the_chart_makes_the_same_monitors_and_autoscaler_as_the_components():
    labels = {"release": "kube-prometheus-stack"}
    for variant, scrape, dashboard in (("base, monitored and autoscaled", "serviceMonitor", False), ("base, monitored by pods", "podMonitor", True)):
        values = merged(ONE_ISSUER, monitoring={"scrape": scrape, "rules": True, "dashboard": dashboard, "labels": labels},
                        autoscaling={"enabled": "autoscaled" in variant})
        expected = comparable(manifests.resources(variant))
        del expected["Namespace/accredit"]
        actual = comparable(rendered(values))
        for resource in (*expected.values(), *actual.values()):
            # kustomize adds the label to what it reads before the components.
            resource["metadata"].get("labels", {}).pop("app.kubernetes.io/part-of", None)
            if "accredit.json" in resource.get("data", {}):
                resource["data"]["accredit.json"] = json.loads(resource["data"]["accredit.json"])
                resource["metadata"]["labels"].pop("app.kubernetes.io/name", None)
        same(f"{variant}: differences", differences(actual, expected), [])


def the_chart_is_valid_for_every_kubernetes_of_today():
    custom = []
    for values in (ONE_ISSUER, EVERYTHING):
        for resource in rendered(values):
            if is_custom(resource):
                custom.append(resource)
                continue
            # The resources of the base are validated for the versions between.
            for version in (schemas.VERSIONS[0], schemas.VERSIONS[-1]):
                try:
                    kubernetes_validate.validate(resource, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    raise Failure(f"{resource['kind']} for {version}: {error.message} at {list(error.path)}") from error
    same("custom resources", {r["kind"] for r in custom}, {"PodMonitor", "PrometheusRule"})
    same("problems", schemas.custom_problems(custom), [])
    code, said = configuration.check(by_name(rendered(EVERYTHING))["ConfigMap/accredit"]["data"]["accredit.yaml"])
    same("accredit check", (code, said), (0, "the configuration is valid\n"))


def the_chart_has_no_lint_message():
    for values in (ONE_ISSUER, EVERYTHING):
        report = helm.lint(str(CHART), values, strict=True)
        messages = [m["error"] for m in report["messages"] if m["error"] != "icon is recommended"]
        same("messages", (report["errors"], messages), ([], []))


def ports_and_probes_follow_the_configuration():
    found = by_name(rendered(EVERYTHING))
    (container,) = found["Deployment/accredit"]["spec"]["template"]["spec"]["containers"]
    same("probe with TLS", container["readinessProbe"]["httpGet"], {"port": "probes", "path": "/readyz"})
    same("protocol with TLS", found["Service/accredit"]["spec"]["ports"][0]["appProtocol"], "https")
    same("image", container["image"].split("@sha256:")[0], "registry.acme.example/accredit")
    same("no number of replicas", "replicas" in found["Deployment/accredit"]["spec"], False)
    moved = by_name(rendered(merged(ONE_ISSUER, config={"listen": "[::]:8080", "probe_listen": "0.0.0.0:8081"})))
    (container,) = moved["Deployment/accredit"]["spec"]["template"]["spec"]["containers"]
    same("ports", [p["containerPort"] for p in container["ports"]], [8080, 8081])
    same("probe", container["readinessProbe"]["grpc"]["port"], 8080)
    same("Service", moved["Service/accredit"]["spec"]["ports"][0]["port"], 8080)
    same("network", [r["ports"][0]["port"] for r in moved["NetworkPolicy/accredit"]["spec"]["ingress"]], [8080, 8081])


def two_releases_in_one_namespace_are_apart():
    one, other = by_name(rendered(ONE_ISSUER)), by_name(rendered(ONE_ISSUER, name="edge"))
    same("names", set(other), {name.replace("/accredit", "/edge-accredit") for name in one})
    pods = other["Deployment/edge-accredit"]["spec"]["template"]["metadata"]["labels"]
    same("selected", one["Service/accredit"]["spec"]["selector"].items() <= pods.items(), False)


def a_changed_configuration_replaces_the_pods():
    def annotations(values):
        return by_name(rendered(values))["Deployment/accredit"]["spec"]["template"]["metadata"].get("annotations", {})
    changed = merged(ONE_ISSUER, config={"realm": "other"})
    same("another checksum", annotations(changed)["checksum/config"] != annotations(ONE_ISSUER)["checksum/config"], True)
    same("reload in place", annotations(merged(changed, rolloutOnConfigChange=False)), {})
    own = by_name(rendered({"existingConfigMap": "own"}))
    same("no ConfigMap", [name for name in own if name.startswith("ConfigMap/")], [])
    volumes = own["Deployment/accredit"]["spec"]["template"]["spec"]["volumes"]
    same("mounted", volumes[0]["configMap"]["name"], "own")


def runbooks_can_have_an_address():
    values = merged(ONE_ISSUER, monitoring={"rules": True, "runbookPrefix": "https://wiki.acme.example/"})
    rules = by_name(rendered(values))["PrometheusRule/accredit"]["spec"]["groups"][0]["rules"]
    expected = [f"https://wiki.acme.example/docs/runbooks/{rule['alert']}.md" for rule in rules]
    same("runbooks", [rule["annotations"]["runbook_url"] for rule in rules], expected)


def wrong_values_are_refused_with_their_place():
    issuer = ONE_ISSUER["config"]["issuers"][0]
    for values, says in (
        ({}, "missing property 'issuers'"),
        (merged(ONE_ISSUER, config={"issuers": []}), "'/config/issuers'"),
        (merged(ONE_ISSUER, config={"lisen": "0.0.0.0:1"}), "'lisen' not allowed"),
        (merged(ONE_ISSUER, config={"issuers": [{**issuer, "audience": "a"}]}), "'audience' not allowed"),
        (merged(ONE_ISSUER, config={"issuers": [{**issuer, "clock_skew": "soon"}]}), "'/config/issuers/0/clock_skew'"),
        (merged(ONE_ISSUER, config={"listen": "unix:/run/accredit.sock"}), "'/config/listen'"),
        (merged(ONE_ISSUER, config={"admin_listen": "0.0.0.0:9192"}), "'/config/admin_listen'"),
        (merged(ONE_ISSUER, config={"drain": "1m"}), "'/config/drain'"),
        (merged(ONE_ISSUER, config={"drain": "25s"}), "Raise terminationGracePeriodSeconds"),
        (merged(ONE_ISSUER, config={"tls": {"certificate": "/tls/tls.crt", "private_key": "/tls/tls.key"}}), "set tls.secretName"),
        (merged(ONE_ISSUER, tls={"secretName": "accredit-tls"}), "set config.tls"),
        (merged(ONE_ISSUER, networkPolicy={"gateways": []}), "'/networkPolicy/gateways'"),
        (merged(ONE_ISSUER, networkPolicy={"keyServerPorts": []}), "'/networkPolicy/keyServerPorts'"),
        (merged(ONE_ISSUER, image={"digest": "sha256:1"}), "'/image/digest'"),
        (merged(ONE_ISSUER, monitoring={"scrape": "yes"}), "'/monitoring/scrape'"),
        (merged(ONE_ISSUER, replicaCount=3), "'replicaCount' not allowed"),
    ):
        try:
            rendered(values)
        except helm.HelmError as error:
            same(f"{says}: {error}", says in str(error), True)
        else:
            raise Failure(f"these values are accepted, without: {says}")


def the_packed_chart_is_the_chart():
    with tempfile.TemporaryDirectory() as folder:
        archive = pathlib.Path(helm.package(str(CHART), destination=folder))
        with helm.Chart.load(archive) as packed:
            texts = packed.render(ONE_ISSUER, name="accredit", namespace="accredit")
            names = {file["name"] for file in packed.files}
        same("templates", texts, templates(yaml.safe_dump(ONE_ISSUER)))
        same("files for tests", {name for name in names if name.startswith("ci/")}, set())


def the_chart_has_the_version_of_the_program():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (line,) = (line for line in (ROOT / "Cargo.toml").read_text().splitlines() if line.startswith("version = "))
    same("versions", (chart["version"], chart["appVersion"]), (line.split('"')[1],) * 2)
    same("copies", [c for c in copies.expected() if c.parent == copies.CHART], [CHART / "files/accredit.rules.yaml", CHART / "files/accredit.json"])


def examples_for_argo_cd_and_flux_are_valid():
    found = []
    for file in sorted((ROOT / "deploy/gitops").glob("*/*.yaml")):
        found += list(yaml.safe_load_all(file.read_text()))
    same("kinds", sorted({r["kind"] for r in found}), ["Application", "GitRepository", "HelmRelease", "Kustomization", "OCIRepository"])
    same("problems", schemas.custom_problems(found), [])
    values = [r["spec"]["values"] for r in found if r["kind"] == "HelmRelease"]
    values += [r["spec"]["source"]["helm"]["valuesObject"] for r in found if "helm" in r["spec"].get("source", {})]
    same("examples with values", len(values), 2)
    for own in values:
        same("resources", len(rendered(own)), 10)


TESTS = [
    the_chart_makes_the_same_resources_as_the_base,
    the_chart_makes_the_same_monitors_and_autoscaler_as_the_components,
    the_chart_is_valid_for_every_kubernetes_of_today,
    the_chart_has_no_lint_message,
    ports_and_probes_follow_the_configuration,
    two_releases_in_one_namespace_are_apart,
    a_changed_configuration_replaces_the_pods,
    runbooks_can_have_an_address,
    wrong_values_are_refused_with_their_place,
    the_packed_chart_is_the_chart,
    the_chart_has_the_version_of_the_program,
    examples_for_argo_cd_and_flux_are_valid,
]
