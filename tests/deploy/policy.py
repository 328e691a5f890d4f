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
    headers = one("overlays/envoy-gateway", "ClientTrafficPolicy")["spec"]["headers"]
    removed = {(match["type"], match["value"]) for match in headers["earlyRequestHeaders"]["removeOnMatch"]}
    same("removed", removed, {("Prefix", "x-jwt-"), ("Exact", "x-envoy-auth-failure-mode-allowed")})


def the_gateways_that_may_call_are_the_gateways_that_ask():
    """Per variant: the namespace and the labels of the gateway, and its service account in the mesh."""
    name = "gateway.networking.k8s.io/gateway-name"
    proxy = {"app.kubernetes.io/managed-by": "envoy-gateway", "app.kubernetes.io/component": "proxy"}
    expected = {
        "overlays/istio": ("istio-ingress", {"istio": "ingressgateway"}, "istio-ingress/sa/istio-ingressgateway"),
        "overlays/istio-gateway-api": ("api", {name: "api"}, "api/sa/api-istio"),
        "overlays/istio-waypoint": ("api", {name: "waypoint"}, "api/sa/waypoint"),
        "overlays/envoy-gateway": ("envoy-gateway-system", proxy, None),
        "overlays/envoy-gateway, in namespaces": ("api", proxy, None),
    }
    for variant, (namespace, labels, account) in expected.items():
        (peer,) = one(variant, "NetworkPolicy")["spec"]["ingress"][0]["from"]
        same(f"{variant}: namespace", peer["namespaceSelector"]["matchLabels"], {"kubernetes.io/metadata.name": namespace})
        same(f"{variant}: pods", peer["podSelector"]["matchLabels"], labels)
        if account:
            asking = one(variant, "AuthorizationPolicy", "accredit")
            same(f"{variant}: namespace of the policy", asking["metadata"]["namespace"], namespace)
            same(f"{variant}: every request", (asking["spec"]["action"], asking["spec"]["rules"]), ("CUSTOM", [{}]))
            targets = [target["name"] for target in asking["spec"].get("targetRefs", [])]
            same(f"{variant}: one kind of target", bool(targets) != ("selector" in asking["spec"]), True)
            same(f"{variant}: target", targets, [labels[name]] if name in labels else [])
            callers = one(variant, "AuthorizationPolicy", "accredit-callers")["spec"]["rules"][0]["from"]
            same(f"{variant}: caller", callers, [{"source": {"principals": [f"cluster.local/ns/{account}"]}}])


def a_replica_that_does_not_answer_is_removed():
    rule = one("overlays/istio", "DestinationRule")["spec"]["trafficPolicy"]
    same("Istio: at most half", rule["outlierDetection"]["maxEjectionPercent"], 50)
    same("Istio: failures", rule["outlierDetection"]["consecutiveGatewayErrors"], 2)
    # Envoy applies changes of endpoints once per second, so each return of a dead replica can cost half of a second's requests.
    same("Istio: at most 2 % fail", 0.5 / seconds(rule["outlierDetection"]["baseEjectionTime"]) <= 0.02, True)
    policy = one("overlays/envoy-gateway", "SecurityPolicy")["spec"]["extAuth"]
    settings = policy["grpc"]["backendSettings"]
    same("Envoy Gateway: at most half", settings["healthCheck"]["passive"]["maxEjectionPercent"], 50)
    same("Envoy Gateway: retries", settings["retry"]["numRetries"], 3)
    for connect in (rule["connectionPool"]["tcp"]["connectTimeout"], settings["timeout"]["tcp"]["connectTimeout"]):
        same("less than the timeout of a check", milliseconds(connect) < milliseconds(policy["timeout"]), True)


def seconds(text):
    return milliseconds(text) / 1000


def milliseconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s)", text).groups()
    return int(number) * {"ms": 1, "s": 1000}[unit]


def istios_names_of_the_workload_fit_the_image():
    deployment, container, _ = workload("overlays/istio")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    same("labels", (labels["app"], labels["version"]), ("accredit", container["image"].rsplit(":", 1)[1]))
    same("selector", deployment["spec"]["selector"]["matchLabels"], {"app.kubernetes.io/name": "accredit"})
    same("protocol", one("overlays/istio", "Service", "accredit")["spec"]["ports"][0]["appProtocol"], "grpc")


def every_rule_of_the_gateway_api_asks():
    route = one("overlays/gateway-api", "HTTPRoute")
    service = one("overlays/gateway-api", "Service", "accredit")
    for rule in route["spec"]["rules"]:
        (external,) = (f["externalAuth"] for f in rule["filters"] if f["type"] == "ExternalAuth")
        same("protocol", external["protocol"], "GRPC")
        same("backend", external["backendRef"], {"name": "accredit", "namespace": "accredit",
                                                 "port": service["spec"]["ports"][0]["port"]})
    grant = one("overlays/gateway-api", "ReferenceGrant")["spec"]
    same("grant", (grant["from"][0]["kind"], grant["from"][0]["namespace"]), ("HTTPRoute", route["metadata"]["namespace"]))


def the_certificates_of_envoy_gateway_fit_the_configuration():
    variant = "overlays/envoy-gateway, strict and with TLS"
    tls = yaml.safe_load(workload(variant)[2])["tls"]
    server, client = (one(variant, "Certificate", name) for name in ("accredit", "accredit-client"))
    same("who may call", tls["client_names"], client["spec"]["uris"])
    validation = one(variant, "BackendTLSPolicy")["spec"]["validation"]
    same("name", validation["hostname"] in server["spec"]["dnsNames"], True)
    proxy = one(variant, "EnvoyProxy")
    reference = proxy["spec"]["backendTLS"]["clientCertificateRef"]
    same("the client's Secret", (reference["namespace"], reference["name"]),
         (client["metadata"]["namespace"], client["spec"]["secretName"]))
    parameters = one(variant, "GatewayClass")["spec"]["parametersRef"]
    same("parameters", (parameters["namespace"], parameters["name"]),
         (proxy["metadata"]["namespace"], proxy["metadata"]["name"]))


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
    the_gateways_that_may_call_are_the_gateways_that_ask,
    a_replica_that_does_not_answer_is_removed,
    istios_names_of_the_workload_fit_the_image,
    every_rule_of_the_gateway_api_asks,
    the_certificates_of_envoy_gateway_fit_the_configuration,
    the_socket_is_shared_by_a_group,
]
