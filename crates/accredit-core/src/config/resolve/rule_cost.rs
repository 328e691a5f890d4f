//! The warning about rules that a request could not be compared with in the steps of one check.

use std::cmp::Reverse;

use crate::config::path;
use crate::config::resolve::rule_order::RuleGroup;
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;
use crate::rules::matching_budget::MAX_STEPS;
use crate::rules::matching_cost::{MatchingCost, PATH_BYTES};

/// The most rules, and the most lists of rules, that the warning names.
const MAX_NAMED: usize = 3;

/// Warns if accredit could deny a request because comparing it with the rules takes too many steps. The groups are in the order of their
/// rules, and the first is that of the configuration.
pub(crate) fn warn_of_cost(groups: &mut [RuleGroup<'_>]) {
    let rules: Vec<_> = groups.iter().flat_map(|group| group.rules).collect();
    let cost = MatchingCost::of(&rules);
    if !cost.exceeds_check() {
        return;
    }
    let mut of_rules = cost.of_rules.iter();
    let mut rules = Vec::new();
    let mut lists = Vec::new();
    for group in groups.iter() {
        let steps: Vec<usize> = of_rules.by_ref().take(group.rules.len()).copied().collect();
        lists.push((steps.iter().sum(), list_name(group)));
        let places = steps.into_iter().enumerate();
        rules.extend(places.map(|(number, steps)| (steps, (group, number))));
    }
    let rules = costliest(rules).map(|(group, number)| rule_name(group, number));
    let rules = rules.collect::<Vec<_>>().join(", ");
    let mut what = format!(
        "accredit could deny requests with a long path: comparing a path of {} KiB could take {} steps, and a check makes at most {MAX_STEPS}. \
         The rules that can take most: {rules}",
        PATH_BYTES / 1024,
        cost.steps,
    );
    if lists.len() > 1 {
        let lists = costliest(lists).collect::<Vec<_>>().join(", ");
        what.push_str(". The lists of rules that can take most: ");
        what.push_str(&lists);
    }
    let key = match groups.get(1..) {
        Some([_, ..]) => "rules_from",
        Some([]) | None => "rules",
    };
    if let Some(problems) = groups.first_mut().and_then(|own| own.problems.as_mut()) {
        problems.warn(
            WarningCode::RulesCostly,
            key,
            Sentence::own(what),
            "use fewer path patterns with several `*` in one segment, begin them with different text, or shorten long lists",
        );
    }
}

/// The members with the most steps, the costliest first.
fn costliest<T>(mut members: Vec<(usize, T)>) -> impl Iterator<Item = T> {
    members.sort_by_key(|(steps, _)| Reverse(*steps));
    let members = members.into_iter().filter(|(steps, _)| *steps > 0);
    members.take(MAX_NAMED).map(|(_, member)| member)
}

/// The place of a rule. Its name could come from the environment.
fn rule_name(group: &RuleGroup<'_>, number: usize) -> String {
    let key = path::item(group.key, number);
    match &group.file {
        None => key,
        Some(file) => format!("{key} of {file}"),
    }
}

fn list_name(group: &RuleGroup<'_>) -> String {
    match &group.file {
        None => group.key.to_owned(),
        Some(file) => file.to_string(),
    }
}
