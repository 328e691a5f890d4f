"""The components that patch Envoy's configuration, applied to what the control planes generated (tests/fixtures/mesh)."""

import json
import pathlib
import re
import tempfile

import yaml

from manifests import ROOT, Failure, one, run, same

MESH = ROOT / "tests/fixtures/mesh"
# The settings of the check that both components add, as deploy/envoy/envoy.yaml has them.
ADDED = ("validate_mutations", "encode_raw_headers", "decoder_header_mutation_rules")


def filters(manager):
    return manager.get("http_filters") or manager.get("httpFilters")


def managers(bootstrap):
    """Every HTTP connection manager of a bootstrap."""
    static = bootstrap.get("static_resources") or bootstrap["staticResources"]
    for listener in static["listeners"]:
        for chain in listener.get("filter_chains") or listener["filterChains"]:
            for network in chain["filters"]:
                yield network.get("typed_config") or network["typedConfig"]


def shipped_check():
    """The ext_authz filter of deploy/envoy/envoy.yaml."""
    (manager,) = managers(yaml.safe_load((ROOT / "deploy/envoy/envoy.yaml").read_text()))
    return next(f["typed_config"] for f in filters(manager) if f["name"] == "envoy.filters.http.ext_authz")


def merge(into, value):
    """Merges as Envoy's control plane merges messages: mappings are joined, everything else is replaced."""
    for name, member in value.items():
        if isinstance(member, dict) and isinstance(into.get(name), dict):
            merge(into[name], member)
        else:
            into[name] = member


def validate(bootstrap):
    """`envoy --mode validate`, beside a certificate where the configuration names one."""
    with tempfile.TemporaryDirectory() as folder:
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-subj", "/CN=api.acme.example", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"])
        file = pathlib.Path(folder, "envoy.json")
        file.write_text(json.dumps(bootstrap))
        run([ROOT / ".venv/bin/envoy", "--mode", "validate", "-c", file], cwd=folder)


def istios_component_fits_the_generated_gateway():
    bootstrap = json.loads((MESH / "istio/gateway.json").read_text())
    (manager,) = managers(bootstrap)
    for patch in one("overlays/istio, strict", "EnvoyFilter")["spec"]["configPatches"]:
        value = patch["patch"]["value"]
        if patch["applyTo"] == "CLUSTER":
            chosen = patch["match"]["cluster"]
            name = f"outbound|{chosen['portNumber']}||{chosen['service']}"
            (cluster,) = (c for c in bootstrap["static_resources"]["clusters"] if c["name"] == name)
            merge(cluster, value)
            continue
        chosen = patch["match"]["listener"]["filterChain"]["filter"]
        if patch["applyTo"] == "NETWORK_FILTER":
            merge(manager, value["typed_config"])
            continue
        (index,) = (i for i, f in enumerate(filters(manager)) if f["name"] == chosen["subFilter"]["name"])
        if patch["patch"]["operation"] == "INSERT_BEFORE":
            filters(manager).insert(index, value)
        else:
            merge(filters(manager)[index], value)
    check = next(f["typed_config"] for f in filters(manager) if f["name"] == "envoy.filters.http.ext_authz")
    same("the check", {name: check[name] for name in ADDED}, {name: shipped_check()[name] for name in ADDED})
    same("what Istio set is kept", (check["grpc_service"]["timeout"], "filter_enabled_metadata" in check), ("1s", True))
    validate(bootstrap)


def envoy_gateways_component_fits_the_generated_listener():
    bootstrap = json.loads((MESH / "envoy-gateway/base.json").read_text())
    (manager,) = managers(bootstrap)
    added = {}
    for patch in one("overlays/envoy-gateway, strict and with TLS", "EnvoyPatchPolicy")["spec"]["jsonPatches"]:
        (listener,) = bootstrap["staticResources"]["listeners"]
        same("listener", patch["name"], listener["name"])
        name = re.fullmatch(r"\$\.\.http_filters\[\?\(@\.name=='(.+)'\)\]\.typed_config", patch["operation"]["jsonPath"]).group(1)
        chosen = [f for f in filters(manager) if f["name"] == name]
        if len(chosen) != 1:
            raise Failure(f"{len(chosen)} filters are named {name}")
        member = patch["operation"]["path"].removeprefix("/")
        added[member] = patch["operation"]["value"]
        chosen[0]["typedConfig"][member] = patch["operation"]["value"]
    same("the check", added, {name: shipped_check()[name] for name in ADDED})
    validate(bootstrap)


TESTS = [istios_component_fits_the_generated_gateway, envoy_gateways_component_fits_the_generated_listener]
