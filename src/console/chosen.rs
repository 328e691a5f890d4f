//! The filters of the tail: they are in the address of the page, so that a page can be linked and loaded again.

use crate::admin::pb;
use crate::observe::tail::filter::Filter;

/// The filters that a query chooses. Only denials are shown unless the query names a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenFilters {
    pub decision: String,
    pub reason: String,
    pub issuer: String,
    pub rule: String,
    pub path: String,
}

impl ChosenFilters {
    /// Reads a query. Fields that are no filters are ignored.
    pub fn read(fields: Vec<(String, String)>) -> ChosenFilters {
        let mut chosen = ChosenFilters {
            decision: "deny".to_owned(),
            reason: String::new(),
            issuer: String::new(),
            rule: String::new(),
            path: String::new(),
        };
        for (name, value) in fields {
            match name.as_str() {
                "decision" => chosen.decision = value,
                "reason" => chosen.reason = value,
                "issuer" => chosen.issuer = value,
                "rule" => chosen.rule = value,
                "path" => chosen.path = value,
                _ => {}
            }
        }
        chosen
    }

    /// Whether any filter but the decision is set.
    pub fn is_narrow(&self) -> bool {
        [&self.reason, &self.issuer, &self.rule, &self.path]
            .iter()
            .any(|text| !text.is_empty())
    }

    /// The filter. `None` if it names an unknown decision or reason, which no decision has.
    pub fn filter(&self) -> Option<Filter> {
        let list = |text: &String| match text.is_empty() {
            true => Vec::new(),
            false => vec![text.clone()],
        };
        let request = pb::TailRequest {
            decision: self.decision.clone(),
            reasons: list(&self.reason),
            issuers: list(&self.issuer),
            rules: list(&self.rule),
            path_prefix: self.path.clone(),
        };
        Filter::try_from(request).ok()
    }
}
