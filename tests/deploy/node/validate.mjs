// Reads a list of custom resources (JSON, standard input), validates each against its own schema, and prints a list of
// problems (JSON): [] when there are none. A kind without a schema here is a problem.
//
// An API server drops a field that it does not know, and these validators let one pass; so each name must be one that
// the package declares.

import * as argoCd from "@kubernetes-models/argo-cd/argoproj.io/v1alpha1/index";
import * as certManager from "@kubernetes-models/cert-manager/cert-manager.io/v1/index";
import * as fluxHelm from "@kubernetes-models/flux-cd/helm.toolkit.fluxcd.io/v2/index";
import * as fluxKustomize from "@kubernetes-models/flux-cd/kustomize.toolkit.fluxcd.io/v1/index";
import * as fluxSource from "@kubernetes-models/flux-cd/source.toolkit.fluxcd.io/v1/index";
import * as gateway from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/index";
import * as istioNetworking from "@kubernetes-models/istio/networking.istio.io/v1/index";
import * as istioFilters from "@kubernetes-models/istio/networking.istio.io/v1alpha3/index";
import * as istioSecurity from "@kubernetes-models/istio/security.istio.io/v1/index";
import * as prometheus from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/index";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const models = {
  "argoproj.io/v1alpha1": ["argo-cd", argoCd],
  "cert-manager.io/v1": ["cert-manager", certManager],
  "gateway.networking.k8s.io/v1": ["gateway-api", gateway],
  "helm.toolkit.fluxcd.io/v2": ["flux-cd", fluxHelm],
  "kustomize.toolkit.fluxcd.io/v1": ["flux-cd", fluxKustomize],
  "networking.istio.io/v1": ["istio", istioNetworking],
  "networking.istio.io/v1alpha3": ["istio", istioFilters],
  "security.istio.io/v1": ["istio", istioSecurity],
  "monitoring.coreos.com/v1": ["prometheus-operator", prometheus],
  "source.toolkit.fluxcd.io/v1": ["flux-cd", fluxSource],
};

// Maps whose names are the author's own; `value`, a part of Envoy's configuration in an EnvoyFilter; and values of a Helm chart.
const free = new Set(["annotations", "labels", "matchLabels", "portLevelMtls", "value", "values", "valuesObject"]);

function names(value) {
  if (Array.isArray(value)) return value.flatMap(names);
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, member]) => (free.has(name) ? [] : [name, ...names(member)]));
}

// Where the types of a package are declared; a kind's own file refers to others.
const declared = new Map();
function declarations(folder) {
  if (!declared.has(folder)) {
    const home = dirname(fileURLToPath(import.meta.resolve(`@kubernetes-models/${folder}/package.json`)));
    const files = readdirSync(home, { recursive: true }).filter((file) => file.endsWith(".d.ts"));
    declared.set(folder, files.map((file) => readFileSync(join(home, file), "utf8")).join("\n"));
  }
  return declared.get(folder);
}

// The package has the standard channel of the Gateway API, whose routes have no filter ExternalAuth, and the type of that filter
// from the experimental channel. So the filter is taken out of the route, and both are validated.
function takeExperimental(resource) {
  const taken = [];
  for (const rule of resource.kind === "HTTPRoute" ? resource.spec.rules : []) {
    if (!rule.filters) continue;
    const external = rule.filters.filter(({ type }) => type === "ExternalAuth");
    taken.push(...external.map(({ type, externalAuth, ...others }) => ({ ...externalAuth, ...others })));
    rule.filters = rule.filters.filter((filter) => !external.includes(filter));
  }
  return taken;
}

const problems = [];
for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  const name = `${resource.kind}/${resource.metadata.name}`;
  const [folder, kinds] = models[resource.apiVersion] ?? [];
  const Model = kinds?.[resource.kind];
  const members = names(resource.spec);
  if (!Model) {
    problems.push(`${name}: there is no schema of ${resource.apiVersion} here`);
    continue;
  }
  try {
    for (const external of takeExperimental(resource)) new gateway.HTTPExternalAuthFilter(external).validate();
    new Model(resource).validate();
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
  for (const member of members) {
    if (!new RegExp(`\\b${member}"?\\??:`).test(declarations(folder))) problems.push(`${name}: there is no field ${member}`);
  }
}
console.log(JSON.stringify(problems));
