//! The targets of a SecurityPolicy: the Gateways and routes that it names.

use serde_json::Value;

use crate::import::input::ForeignDocument;
use crate::import::members::Members;

/// An entry of `targetRefs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyTarget {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) section: Option<String>,
}

/// A route of the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NamedRoute<'v> {
    pub(crate) namespace: &'v str,
    pub(crate) name: &'v str,
}

/// How specifically a target names the requests of a route. The more specific one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TargetFit {
    WholeRoute,
    Section,
}

impl PolicyTarget {
    pub(crate) fn of(members: &Members<'_>) -> PolicyTarget {
        members.ignore(&["group"]);
        PolicyTarget {
            kind: members.text("kind").unwrap_or_default(),
            name: members.text("name").unwrap_or_default(),
            section: members.text("sectionName"),
        }
    }

    /// How the target of a policy in this namespace names the requests of that section of an HTTPRoute. `None` if it does not.
    pub(crate) fn fit(
        &self,
        namespace: &str,
        route: NamedRoute<'_>,
        section: Option<&str>,
    ) -> Option<TargetFit> {
        let is_route =
            self.kind == "HTTPRoute" && self.name == route.name && namespace == route.namespace;
        match (is_route, self.section.as_deref()) {
            (false, _) => None,
            (true, None) => Some(TargetFit::WholeRoute),
            (true, own) => (own == section).then_some(TargetFit::Section),
        }
    }
}

impl<'v> NamedRoute<'v> {
    pub(crate) fn of(document: &'v ForeignDocument) -> NamedRoute<'v> {
        let text = |pointer: &str| document.value.pointer(pointer).and_then(Value::as_str);
        NamedRoute {
            namespace: text("/metadata/namespace").unwrap_or("default"),
            name: text("/metadata/name").unwrap_or_default(),
        }
    }
}
