//! Finds the resources of the input that apply to one workload.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::import::input::ForeignDocument;
use crate::import::report::ImportReport;

/// The namespace whose policies without a selector concern the whole mesh.
const ROOT_NAMESPACE: &str = "istio-system";

/// A RequestAuthentication or an AuthorizationPolicy.
#[derive(Clone, Debug)]
pub(crate) struct IstioResource<'v> {
    pub(crate) at: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) value: &'v Value,
    target: WorkloadTarget,
}

/// The workloads that a resource selects.
#[derive(Clone, Debug, PartialEq, Eq)]
enum WorkloadTarget {
    /// Every workload of the namespace, or of the mesh.
    Every,
    Labels(BTreeMap<String, String>),
    /// Gateways and services, each as one text.
    References(Vec<String>),
}

pub(crate) const AUTHENTICATION: &str = "RequestAuthentication";
pub(crate) const AUTHORIZATION: &str = "AuthorizationPolicy";

/// Whether a document is a resource of this kind of Istio's security API.
pub(crate) fn is_kind(document: &ForeignDocument, kind: &str) -> bool {
    let text = |name: &str| {
        document
            .value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    text("kind") == kind && text("apiVersion").starts_with("security.istio.io/")
}

/// The resources of one workload: that of the first resource with a selector.
pub(crate) fn of_one_workload<'v>(
    documents: &'v [ForeignDocument],
    report: &ImportReport,
) -> Vec<IstioResource<'v>> {
    let all: Vec<IstioResource<'v>> = documents
        .iter()
        .filter(|document| is_kind(document, AUTHENTICATION) || is_kind(document, AUTHORIZATION))
        .map(resource)
        .collect();
    let selects = |own: &&IstioResource<'_>| own.target != WorkloadTarget::Every;
    // The most labels describe the workload best.
    let labels = |own: &&IstioResource<'_>| match &own.target {
        WorkloadTarget::Labels(labels) => labels.len(),
        WorkloadTarget::Every | WorkloadTarget::References(_) => 0,
    };
    let first = all
        .iter()
        .find(selects)
        .map(|first| first.namespace.clone());
    let workload = all
        .iter()
        .filter(selects)
        .filter(|own| Some(&own.namespace) == first.as_ref())
        .rev()
        .max_by_key(labels)
        .or(all.iter().find(|own| own.namespace != ROOT_NAMESPACE))
        .or(all.first())
        .cloned();
    let Some(workload) = workload else {
        return Vec::new();
    };
    if let Some(name) = workload.target.described() {
        report.note(format_args!(
            "the result applies only to the workload {name}, in the namespace {}; at another workload it can admit what Istio denies, so import the \
             resources of each workload alone, for an accredit of its own",
            workload.namespace
        ));
    }
    let mut chosen = Vec::new();
    for own in all {
        match own.concerns(&workload) {
            true => chosen.push(own),
            false => report.left_out(
                &own.at,
                "this resource selects another workload, and one configuration of accredit is for one workload",
                "import it alone, for the accredit of that workload",
            ),
        }
    }
    chosen
}

impl WorkloadTarget {
    /// What selects the workload; `None` for every workload.
    fn described(&self) -> Option<String> {
        match self {
            WorkloadTarget::Every => None,
            WorkloadTarget::Labels(labels) => {
                let labels: Vec<String> = labels
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                Some(format!("with the labels {}", labels.join(", ")))
            }
            WorkloadTarget::References(references) => {
                Some(format!("that targetRefs names ({})", references.join(", ")))
            }
        }
    }
}

impl IstioResource<'_> {
    fn concerns(&self, workload: &IstioResource<'_>) -> bool {
        match (&self.target, &workload.target) {
            (WorkloadTarget::Every, _) => {
                self.namespace == workload.namespace || self.namespace == ROOT_NAMESPACE
            }
            (WorkloadTarget::Labels(own), WorkloadTarget::Labels(labels)) => {
                let is_near =
                    self.namespace == workload.namespace || self.namespace == ROOT_NAMESPACE;
                is_near
                    && own
                        .iter()
                        .all(|(name, value)| labels.get(name) == Some(value))
            }
            (own, other) => self.namespace == workload.namespace && own == other,
        }
    }
}

fn resource(document: &ForeignDocument) -> IstioResource<'_> {
    let text = |pointer: &str| {
        let found = document.value.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned)
    };
    let spec = document.value.get("spec");
    let member = |name: &str| spec.and_then(|spec| spec.get(name));
    let labels = member("selector").and_then(|selector| {
        selector
            .get("matchLabels")
            .or_else(|| selector.get("match_labels"))
            .and_then(Value::as_object)
    });
    let references: Vec<String> = member("targetRefs")
        .or_else(|| member("target_refs"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .chain(member("targetRef"))
        .map(|reference| {
            let part = |name: &str| {
                reference
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            format!("{}/{}/{}", part("group"), part("kind"), part("name"))
        })
        .collect();
    let target = match labels {
        Some(labels) if !labels.is_empty() => WorkloadTarget::Labels(
            labels
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
        ),
        _ if !references.is_empty() => WorkloadTarget::References(references),
        _ => WorkloadTarget::Every,
    };
    let name = text("/metadata/name").unwrap_or_default();
    let kind = text("/kind").unwrap_or_default();
    IstioResource {
        at: format!("{}: {kind} {name}", document.at),
        name,
        namespace: text("/metadata/namespace").unwrap_or_else(|| "default".to_owned()),
        value: &document.value,
        target,
    }
}
