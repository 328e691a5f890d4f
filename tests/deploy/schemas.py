"""Every resource against its schema: Kubernetes' own, the custom resources', and the tools' opinions."""

import json
import sys

import kubernetes_validate
import yaml

import copies
import sidecar_envoy
from manifests import ROOT, VARIANTS, Failure, is_custom, rendered, resources, run, same

# From the oldest that has all that the manifests use (a pause in preStop without a shell) to the newest known.
VERSIONS = ["1.30", "1.33", "1.34", "1.35", "1.36", "1.37"]

# Envoy Gateway publishes its schemas in no package registry. Its types were read instead (api/v1alpha1), and these are
# the fields that were found there.
ENVOY_GATEWAY = {
    "SecurityPolicy": {
        "targetRefs": [{"group", "kind", "name"}],
        "extAuth": {
            "grpc": {
                "backendRefs": [{"name", "namespace", "port"}],
                "backendSettings": {
                    "circuitBreaker": {"maxParallelRequests", "maxPendingRequests"},
                    "retry": {
                        "numRetries": int,
                        "retryOn": {"triggers"},
                        "perRetry": {"backOff": {"baseInterval", "maxInterval"}},
                    },
                    "timeout": {"tcp": {"connectTimeout"}},
                    "healthCheck": {
                        "passive": {"consecutiveLocalOriginFailures", "splitExternalLocalOriginErrors", "interval",
                                    "baseEjectionTime", "maxEjectionPercent"},
                        "panicThreshold": int,
                    },
                },
            },
            "timeout": str,
            "failOpen": bool,
            "statusOnError": int,
            "recomputeRoute": bool,
            "contextExtensions": [{"name", "type", "value"}],
        },
    },
    "ClientTrafficPolicy": {
        "targetRefs": [{"group", "kind", "name"}],
        "path": {"escapedSlashesAction", "disableMergeSlashes"},
        "headers": {"withUnderscoresAction": str, "earlyRequestHeaders": {"removeOnMatch": [{"type", "value"}]}},
    },
    "EnvoyPatchPolicy": {
        "targetRef": {"group", "kind", "name"},
        "type": str,
        "jsonPatches": [{"type": str, "name": str, "operation": {"op", "jsonPath", "path", "value"}}],
    },
    "EnvoyProxy": {"backendTLS": {"clientCertificateRef": {"kind", "name", "namespace"}}},
}


def every_resource_is_valid_for_every_kubernetes_of_today():
    for variant in VARIANTS:
        for resource in filter(lambda r: not is_custom(r), resources(variant)):
            for version in VERSIONS:
                name = f"{variant}: {resource['kind']}/{resource['metadata']['name']} for {version}"
                try:
                    kubernetes_validate.validate(resource, version, strict=True)
                except kubernetes_validate.ValidationError as error:
                    raise Failure(f"{name}: {error.message} at {list(error.path)}") from error
                except kubernetes_validate.SchemaNotFoundError as error:
                    raise Failure(f"{name}: Kubernetes does not know this kind") from error


def a_misspelt_field_is_found():
    deployment = next(r for r in resources("base") if r["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["terminationGracePeriod"] = 1
    try:
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)
    except kubernetes_validate.ValidationError:
        return
    raise Failure("an unknown field passes")


def custom_problems(custom):
    said = run(["node", ROOT / "tests/deploy/node/validate.mjs"], input=json.dumps(custom))
    return json.loads(said)


def every_custom_resource_is_valid():
    custom = [r for variant in VARIANTS for r in resources(variant) if is_custom(r)]
    known = [r for r in custom if not r["apiVersion"].startswith("gateway.envoyproxy.io/")]
    kinds = {r["kind"] for r in known}
    missing = {"AuthorizationPolicy", "PeerAuthentication", "DestinationRule", "Gateway", "HTTPRoute", "ReferenceGrant",
               "Certificate", "ClusterIssuer", "ServiceMonitor", "PodMonitor", "PrometheusRule", "EnvoyFilter", "BackendTLSPolicy"} - kinds
    same("kinds that were not rendered", missing, set())
    same("problems", custom_problems(known), [])


def a_misspelt_field_of_a_custom_resource_is_found():
    policies = [r for r in resources("overlays/istio") if r["kind"] == "PeerAuthentication"]
    policies[0]["spec"]["mtls"]["mode"] = "STRIKT"
    policies[0]["spec"]["portLevelMtlz"] = {}
    same("problems", len(custom_problems(policies)), 2)


def a_misspelt_field_of_the_experimental_filter_is_found():
    (route,) = (r for r in resources("overlays/gateway-api") if r["kind"] == "HTTPRoute")
    external = route["spec"]["rules"][0]["filters"][0]["externalAuth"]
    same("problems", custom_problems([route]), [])
    external["protocol"] = 5
    external["backendReff"] = external.pop("backendRef")
    same("problems", len(custom_problems([route])), 2)


def fits(value, shape, where):
    """Whether a value has members of that shape alone."""
    if isinstance(shape, type):
        same(f"{where}: its type", type(value), shape)
    elif isinstance(shape, list):
        for index, member in enumerate(value):
            fits(member, shape[0], f"{where}[{index}]")
    else:
        unknown = set(value) - set(shape)
        same(f"{where}: unknown fields", unknown, set())
        for name in value if isinstance(shape, dict) else ():
            fits(value[name], shape[name], f"{where}.{name}")


def policies_of_envoy_gateway_have_known_fields_alone():
    found = [r for variant in VARIANTS for r in resources(variant) if r["apiVersion"].startswith("gateway.envoyproxy.io/")]
    same("kinds", {r["kind"] for r in found}, set(ENVOY_GATEWAY))
    for resource in found:
        same("apiVersion", resource["apiVersion"], "gateway.envoyproxy.io/v1alpha1")
        fits(resource["spec"], ENVOY_GATEWAY[resource["kind"]], resource["kind"])


def checkov_has_no_objection_that_is_not_argued_in_place():
    folder = ROOT / "target/deploy/rendered"
    folder.mkdir(parents=True, exist_ok=True)
    for variant in VARIANTS:
        (folder / f"{variant.replace('/', '-').replace(', ', '-').replace(' ', '-')}.yaml").write_text(rendered(variant))
    checkov = ROOT / ".tools/deploy/bin/checkov"
    said = run([sys.executable, checkov, "-d", folder, "--framework", "kubernetes", "--skip-download",
                "--soft-fail", "-o", "json"])
    report = json.loads(said)
    failed = [f"{f['check_id']} {f['check_name']}: {f['resource']}" for f in report["results"]["failed_checks"]]
    same("objections", failed, [])
    if not report["summary"]["passed"] > 300:
        raise Failure(f"checkov has looked at next to nothing: {report['summary']}")
    for skipped in report["results"]["skipped_checks"]:
        reason = skipped["check_result"]["suppress_comment"]
        if len(reason) < 30:
            raise Failure(f"{skipped['resource']} skips {skipped['check_id']} without an argument: {reason!r}")


def hadolint_has_no_objection():
    run([ROOT / ".tools/deploy/bin/hadolint", ROOT / "deploy/docker/Dockerfile"])


def the_sidecars_envoy_is_configured_as_envoys_elsewhere():
    if sidecar_envoy.COPY.read_text() != sidecar_envoy.expected():
        raise Failure("overlays/sidecar/envoy.yaml differs from deploy/envoy/envoy-unix.yaml: "
                      "run `python3 tests/deploy/sidecar_envoy.py --write`")
    run([ROOT / ".venv/bin/envoy", "--mode", "validate", "-c", sidecar_envoy.COPY])


def alerts_and_dashboard_are_the_same_everywhere():
    for copy, content in copies.expected().items():
        if copy.read_text() != content:
            raise Failure(f"{copy.relative_to(ROOT)} differs from its source: run `python3 tests/deploy/copies.py --write`")
    groups = yaml.safe_load(copies.ALERTS.read_text())
    for variant in ("base, monitored and autoscaled", "base, monitored by pods"):
        (rule,) = (r for r in resources(variant) if r["kind"] == "PrometheusRule")
        same("groups", rule["spec"], groups)
    (dashboard,) = (r for r in resources("base, monitored by pods") if r["metadata"]["name"] == "accredit-dashboard")
    same("label of the dashboard", dashboard["metadata"]["labels"]["grafana_dashboard"], "1")
    same("dashboard", json.loads(dashboard["data"]["accredit.json"]), json.loads(copies.DASHBOARD.read_text()))


def resources_of_the_prometheus_operator_have_the_label_of_its_release():
    for variant in ("base, monitored and autoscaled", "base, monitored by pods"):
        found = [r for r in resources(variant) if r["apiVersion"].startswith("monitoring.coreos.com/")]
        same(f"{variant}: resources", len(found), 2)
        for resource in found:
            same(resource["kind"], resource["metadata"]["labels"]["release"], "kube-prometheus-stack")


TESTS = [
    every_resource_is_valid_for_every_kubernetes_of_today,
    a_misspelt_field_is_found,
    every_custom_resource_is_valid,
    a_misspelt_field_of_a_custom_resource_is_found,
    a_misspelt_field_of_the_experimental_filter_is_found,
    policies_of_envoy_gateway_have_known_fields_alone,
    checkov_has_no_objection_that_is_not_argued_in_place,
    hadolint_has_no_objection,
    the_sidecars_envoy_is_configured_as_envoys_elsewhere,
    alerts_and_dashboard_are_the_same_everywhere,
    resources_of_the_prometheus_operator_have_the_label_of_its_release,
]
