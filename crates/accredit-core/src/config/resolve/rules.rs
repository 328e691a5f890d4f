//! `rules` and `ambiguous_paths`.

use std::collections::HashMap;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::matches::{matcher, warn_if_out_of_bounds};
use crate::config::resolve::rule::RuleResolver;
use crate::config::resolve::rule_context::{RuleContext, RulesPlace};
use crate::config::rule_document::RuleDocument;
use crate::config::warning::WarningCode;
use crate::config::words::Word;
use crate::rules::ambiguity::{Ambiguities, Ambiguity};
use crate::rules::rule::Rule;

/// Compiles the rules of the configuration or of a rules file. Those of a file get their bounds later.
pub fn rules(
    documents: &[RuleDocument],
    place: RulesPlace<'_>,
    context: &RuleContext<'_>,
    problems: &mut Problems,
) -> Vec<Rule> {
    let mut names = HashMap::new();
    documents
        .iter()
        .enumerate()
        .map(|(number, document)| {
            let key = path::item(place.key(), number);
            let resolver = RuleResolver {
                key: &key,
                number,
                place,
                document,
                context,
            };
            let name = resolver.name(&mut names, problems);
            let match_key = path::member(&key, "match");
            let matcher = matcher(&match_key, document.matches.as_ref(), problems);
            if let RulesPlace::File { bounds, .. } = place {
                warn_if_out_of_bounds(&match_key, &matcher, bounds, problems);
            }
            resolver.warn_if_open(&matcher, problems);
            Rule {
                name: name.into(),
                matcher,
                bounds: None,
                trial_end: resolver.trial_end(problems),
                access: resolver.access(problems),
                token_forwarding: resolver.token_forwarding(problems),
            }
        })
        .collect()
}

pub fn ambiguous_paths(kinds: &[Word<Ambiguity>], problems: &mut Problems) -> Ambiguities {
    if !kinds.is_empty() {
        problems.warn(
            WarningCode::AmbiguousPaths,
            "ambiguous_paths",
            "accredit accepts paths that the upstream can read differently, and matches them as they were sent",
            "normalise paths in Envoy, and remove this key",
        );
    }
    kinds.iter().map(|kind| kind.value).collect()
}
