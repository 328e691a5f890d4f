"""Requirements on the manifests: restricted pods, network access, and the time to stop."""

import re

import yaml

from manifests import KUBERNETES, VARIANTS, Failure, one, resources, rendered, same, workload

NAMESPACES = {"overlays/sidecar": "edge"}
MESH = yaml.safe_load((KUBERNETES / "overlays/istio/mesh-config.yaml").read_text())


def every_container_is_confined():
    for variant in VARIANTS:
        for deployment in (r for r in resources(variant) if r["kind"] == "Deployment"):
            pod = deployment["spec"]["template"]["spec"]
            same("token", pod["automountServiceAccountToken"], False)
            same("non-root", pod["securityContext"]["runAsNonRoot"], True)
            same("seccomp", pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for container in pod.get("initContainers", []) + pod["containers"]:
                context = container["securityContext"]
                same("read-only", context["readOnlyRootFilesystem"], True)
                same("escalation", context["allowPrivilegeEscalation"], False)
                same("capabilities", context["capabilities"], {"drop": ["ALL"]})
                same("what is limited", set(container["resources"]["limits"]), {"cpu", "memory"})
                same("what is requested", set(container["resources"]["requests"]), {"cpu", "memory"})
        namespace = one(variant, "Namespace", NAMESPACES.get(variant, "accredit"))
        same("admission", namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted")


def replicas_survive_a_node_and_a_rollout():
    for variant in VARIANTS:
        deployment, _, _ = workload(variant)
        scaled = "autoscaling" in VARIANTS[variant]
        same(f"{variant}: replicas", deployment["spec"].get("replicas"), None if scaled else 2)
        if scaled:
            same("the least", one(variant, "HorizontalPodAutoscaler")["spec"]["minReplicas"], 2)
        same("strategy", deployment["spec"]["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        same("spread", {c["topologyKey"] for c in spread}, {"kubernetes.io/hostname", "topology.kubernetes.io/zone"})
        budget = one(variant, "PodDisruptionBudget")
        same("budget", budget["spec"]["maxUnavailable"], 1)
        same("whose budget", budget["spec"]["selector"], deployment["spec"]["selector"])


def who_may_reach_what():
    for variant in VARIANTS:
        policy = one(variant, "NetworkPolicy")["spec"]
        same("both ways", policy["policyTypes"], ["Ingress", "Egress"])
        checks = [rule for rule in policy["ingress"] if rule["ports"][0]["port"] == 9191]
        if variant == "overlays/sidecar":
            same("rules for checks", checks, [])
        else:
            same("rules for checks", len(checks), 1)
            for peer in checks[0]["from"]:
                same("peers by namespace", bool(peer["namespaceSelector"]["matchLabels"]), True)
        probes = [rule for rule in policy["ingress"] if rule["ports"][0]["port"] == 9194]
        expected = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
        same("metrics", [rule["from"] for rule in probes], [expected])
        if re.search(r"\b9192\b", rendered(variant).replace("admin_listen: 127.0.0.1:9192", "")):
            raise Failure(f"{variant}: the admin port is named outside the configuration")


def stopping_fits_into_the_grace_period():
    for variant in VARIANTS:
        deployment, container, text = workload(variant)
        pod = deployment["spec"]["template"]["spec"]
        pauses = [c["lifecycle"]["preStop"]["sleep"]["seconds"] for c in pod["containers"] if "lifecycle" in c]
        drain = int(re.fullmatch(r"(\d+)s", yaml.safe_load(text)["drain"]).group(1))
        same("a pause", len(pauses), 1)
        if not pauses[0] + drain + 5 <= pod["terminationGracePeriodSeconds"]:
            raise Failure(f"{variant}: {pauses[0]} s and {drain} s do not fit in {pod['terminationGracePeriodSeconds']} s")
        # Until then every gateway has found the pod not to be ready.
        readiness = container["readinessProbe"]
        same("probes that may fail", readiness["failureThreshold"] <= 3, True)


def istio_asks_for_every_request_and_fails_closed():
    policies = {r["metadata"]["name"]: r["spec"] for r in resources("overlays/istio") if r["kind"] == "AuthorizationPolicy"}
    gateway = policies["accredit"]
    same("action", (gateway["action"], gateway["rules"]), ("CUSTOM", [{}]))
    (provider,) = MESH["meshConfig"]["extensionProviders"]
    same("provider", provider["name"], gateway["provider"]["name"])
    settings = provider["envoyExtAuthzGrpc"]
    service = one("overlays/istio", "Service", "accredit")
    host = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local"
    same("service", (settings["service"], settings["port"]), (host, service["spec"]["ports"][0]["port"]))
    same("fields", set(settings), {"service", "port", "timeout", "failOpen", "statusOnError", "clearRouteCache"})
    same("closed", (settings["failOpen"], settings["statusOnError"]), (False, "503"))
    same("destination", one("overlays/istio", "DestinationRule")["spec"]["host"], host)
    callers = policies["accredit-callers"]["rules"][0]
    same("callers' port", callers["to"][0]["operation"]["ports"], [str(settings["port"])])
    same("mutual TLS", one("overlays/istio", "PeerAuthentication")["spec"]["mtls"], {"mode": "STRICT"})


def envoy_gateway_asks_for_every_route_and_fails_closed():
    policy = one("overlays/envoy-gateway", "SecurityPolicy")["spec"]
    same("target", policy["targetRefs"][0]["kind"], "Gateway")
    same("target's name", policy["targetRefs"][0]["name"], one("overlays/envoy-gateway", "Gateway")["metadata"]["name"])
    (backend,) = policy["extAuth"]["grpc"]["backendRefs"]
    service = one("overlays/envoy-gateway", "Service", "accredit")
    same("port", backend["port"], service["spec"]["ports"][0]["port"])
    same("protocol", service["spec"]["ports"][0]["appProtocol"], "kubernetes.io/h2c")
    same("closed", (policy["extAuth"]["failOpen"], policy["extAuth"]["statusOnError"]), (False, 503))
    grant = one("overlays/envoy-gateway", "ReferenceGrant")
    same("grant", (grant["metadata"]["namespace"], grant["spec"]["to"][0]["name"]), (backend["namespace"], backend["name"]))
    removed = set(one("overlays/envoy-gateway", "ClientTrafficPolicy")["spec"]["headers"]["earlyRequestHeaders"]["remove"])
    same("claim headers of the defaults", {"x-jwt-sub", "x-jwt-client-id", "x-jwt-org", "x-jwt-scope"} - removed, set())


def the_socket_is_shared_by_a_group():
    deployment, accredit, text = workload("overlays/sidecar")
    pod = deployment["spec"]["template"]["spec"]
    socket = yaml.safe_load(text)["listen"].removeprefix("unix:")
    (envoy,) = pod["containers"]
    for container in (accredit, envoy):
        mounts = {m["mountPath"]: m["name"] for m in container["volumeMounts"]}
        same("the socket's folder", mounts[socket.rsplit("/", 1)[0]], "socket")
    same("group", pod["securityContext"]["fsGroup"], pod["securityContext"]["runAsGroup"])
    same("accredit outlives Envoy", accredit["restartPolicy"], "Always")
    configured = next(r for r in resources("overlays/sidecar") if r["kind"] == "ConfigMap" and "envoy.yaml" in r["data"])
    same("Envoy's address of it", f"pipe: {{ path: {socket} }}" in configured["data"]["envoy.yaml"], True)


TESTS = [
    every_container_is_confined,
    replicas_survive_a_node_and_a_rollout,
    who_may_reach_what,
    stopping_fits_into_the_grace_period,
    istio_asks_for_every_request_and_fails_closed,
    envoy_gateway_asks_for_every_route_and_fails_closed,
    the_socket_is_shared_by_a_group,
]
