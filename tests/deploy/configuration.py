"""The configuration in the manifests and the program that reads it: it loads, and both speak of the same ports."""

import json
import os
import pathlib
import subprocess
import tempfile

import yaml

from manifests import ROOT, VARIANTS, Failure, one, resources, run, same, workload

ACCREDIT = pathlib.Path(os.environ.get("ACCREDIT", ROOT / "target/debug/accredit"))


def check(text):
    """The output of `accredit check` for a configuration."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "accredit.yaml")
        if "/tls/" in text:
            certificate(folder)
            text = text.replace("/tls/", f"{folder}/")
        file.write_text(text)
        done = subprocess.run([ACCREDIT, "check", "--config", file], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def certificate(folder):
    """The three files that cert-manager's Secret has."""
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
         "-subj", "/CN=accredit", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"])
    pathlib.Path(folder, "ca.crt").write_bytes(pathlib.Path(folder, "tls.crt").read_bytes())


def every_configuration_is_valid():
    known = json.loads(run([ACCREDIT, "schema"]))["properties"]
    for variant in VARIANTS:
        _, _, text = workload(variant)
        code, said = check(text)
        if variant == "overlays/mtls" and "tls" not in known:
            # Until the program has TLS, that is the one thing that it may find.
            same("problems", (code, said.count("\n"), "unknown key" in said and "tls" in said), (2, 1, True))
            code, said = check(yaml.safe_dump({k: v for k, v in yaml.safe_load(text).items() if k != "tls"}))
        same(f"{variant}: accredit check", (code, said), (0, "the configuration is valid\n"))


def ports_agree_with_the_configuration():
    for variant in VARIANTS:
        _, container, text = workload(variant)
        document = yaml.safe_load(text)
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        expected = {"probes": port_of(document["probe_listen"])}
        same("liveness", container["livenessProbe"]["httpGet"], {"path": "/livez", "port": "probes"})
        readiness = container["readinessProbe"]
        if document["listen"].startswith("unix:"):
            same("readiness", readiness["httpGet"], {"path": "/readyz", "port": "probes"})
        else:
            expected["grpc"] = port_of(document["listen"])
            service = one(variant, "Service", "accredit")["spec"]["ports"][0]
            same("Service", (service["port"], service["targetPort"]), (expected["grpc"], "grpc"))
            if "tls" in document:
                same("readiness", readiness.get("httpGet"), {"path": "/readyz", "port": "probes"})
                same("no gRPC probe without a certificate", readiness.get("grpc"), None)
            else:
                same("readiness", readiness["grpc"]["port"], expected["grpc"])
        same(f"{variant}: ports", ports, expected)
        same("the admin port", document["admin_listen"].split(":")[0], "127.0.0.1")


def port_of(address):
    return int(address.rsplit(":", 1)[1])


def ports_are_the_programs_defaults():
    described = {name: p.get("description", "") for name, p in json.loads(run([ACCREDIT, "schema"]))["properties"].items()}
    document = yaml.safe_load(workload("base")[2])
    for name in ("listen", "admin_listen"):
        if f"`{document[name]}`" not in described[name]:
            raise Failure(f"{name}: {document[name]} is not the default of: {described[name]}")


def metrics_are_read_where_they_are():
    variant = "base, monitored and autoscaled"
    service = one(variant, "Service", "accredit-metrics")
    (endpoint,) = one(variant, "ServiceMonitor")["spec"]["endpoints"]
    same("path and port", (endpoint["path"], endpoint["port"]), ("/metrics", service["spec"]["ports"][0]["name"]))
    same("selected", one(variant, "ServiceMonitor")["spec"]["selector"]["matchLabels"].items()
         <= service["metadata"]["labels"].items(), True)
    for other in (r for r in resources(variant) if r["kind"] == "Service" and r["metadata"]["name"] == "accredit"):
        same("the checks' Service is not scraped", "app.kubernetes.io/component" in other["metadata"]["labels"], False)


def certificates_fit_the_configuration():
    deployment, container, text = workload("overlays/mtls")
    tls = yaml.safe_load(text)["tls"]
    server = one("overlays/mtls", "Certificate", "accredit")["spec"]
    client = one("overlays/mtls", "Certificate", "accredit-client")["spec"]
    same("files", sorted(v for v in tls.values() if isinstance(v, str)), ["/tls/ca.crt", "/tls/tls.crt", "/tls/tls.key"])
    volume = next(v for v in deployment["spec"]["template"]["spec"]["volumes"] if v["name"] == "tls")
    same("Secret", volume["secret"]["secretName"], server["secretName"])
    same("mount", [m["readOnly"] for m in container["volumeMounts"] if m["mountPath"] == "/tls"], [True])
    same("who may call", tls["client_names"], client["uris"])
    same("one authority", server["issuerRef"], client["issuerRef"])
    service = one("overlays/mtls", "Service", "accredit")["metadata"]
    same("name", f"{service['name']}.{service['namespace']}.svc" in server["dnsNames"], True)


TESTS = [
    every_configuration_is_valid,
    ports_agree_with_the_configuration,
    ports_are_the_programs_defaults,
    metrics_are_read_where_they_are,
    certificates_fit_the_configuration,
]
