//! `rules_from`: the rules of other files, each bounded to the hosts and paths of its entry (CONTRACT 3.13).

use std::collections::HashMap;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::rule_context::RuleContext;
use crate::config::resolve::rules_from::files_resolver::{FilesResolver, ResolvedFiles};
use crate::config::resolve::rules_from::labels::FileLabels;
use crate::config::resolve::rules_from::program_shares::ProgramShares;
use crate::config::rule_document::RulesFromDocument;
use crate::config::rules_files::{FoundEntry, RulesInForce};
use crate::config::sentence::Sentence;
use crate::expression::program_store::ProgramLimit;
use crate::rules::rule::Rule;
use crate::rules::rules_file::RulesFileState;

pub(crate) mod files_resolver;
pub mod labels;
pub(crate) mod program_shares;

/// The files of `rules_from` that the program read.
#[derive(Clone, Copy, Debug, Default)]
pub struct RulesSource<'a> {
    /// One for each entry of `rules_from`.
    pub found: &'a [FoundEntry],
    /// The rules of files that are in force. `None` at the start.
    pub in_force: Option<&'a RulesInForce>,
}

/// Resolves the files of every entry. `configuration` is the hash of the document without its files.
pub(crate) fn rules_from(
    entries: &[RulesFromDocument],
    source: RulesSource<'_>,
    configuration: &str,
    own_rules: &[Rule],
    context: &RuleContext<'_>,
    problems: &mut Problems,
) -> ResolvedFiles {
    let none = RulesInForce::default();
    let in_force = source.in_force.unwrap_or(&none);
    refuse_equal_files(entries, problems);
    let left = context.expressions.document.borrow().left_for_rules_files();
    let programs = ProgramShares::of(left, entries.len());
    let mut reservations = Reservations::default();
    // Which files are invalid, and so keep rules in force, is known when all of them were read. Each attempt but the last reserves more
    // than the one before.
    loop {
        let mut attempted = problems.clone();
        let found = match reservations.labels {
            // As if no entry could be listed: every file in force keeps its label.
            true => &[],
            false => source.found,
        };
        let mut resolver = FilesResolver {
            in_force,
            // The operator may have moved rules from the configuration into a file. If that file has never been valid,
            // these rules would be lost.
            is_new_configuration: *in_force.configuration != *configuration,
            context,
            labels: FileLabels::in_force(in_force, entries, found),
            programs: match reservations.programs {
                true => programs.clone().reserving(entries, in_force),
                false => programs.clone(),
            },
            entry: 0,
            resolved: ResolvedFiles::default(),
        };
        resolver
            .labels
            .refuse_names_of_files(own_rules, &mut attempted);
        for (number, entry) in entries.iter().enumerate() {
            let found = source.found.get(number).map(|found| &found.files);
            resolver.entry(number, entry, found, own_rules, &mut attempted);
        }
        let fit = resolver.programs.fit();
        let active = resolver.resolved.files.iter().map(|file| &file.file);
        let active = active.filter(|file| file.state != RulesFileState::Unused);
        let next = Reservations {
            programs: reservations.programs || !fit,
            labels: reservations.labels || labels::are_shared(active.map(|file| &*file.path)),
        };
        if next == reservations {
            if !fit {
                attempted.error(
                    "rules_from",
                    Sentence::own(ProgramLimit::Configuration.to_string()),
                    "shorten the regular expressions, remove rules of files, or correct the invalid files",
                );
            }
            *problems = attempted;
            return resolver.resolved;
        }
        reservations = next;
    }
}

/// What the files in force keep, so that files that change cannot take it, whether or not they stay in force.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Reservations {
    /// Their memory.
    programs: bool,
    /// Their labels, also those of files that are gone.
    labels: bool,
}

/// The files that are in force are kept by the `files` of their entry. Two entries with the same one would each take the files
/// of the other for their own, with the bounds of both.
fn refuse_equal_files(entries: &[RulesFromDocument], problems: &mut Problems) {
    let mut seen = HashMap::new();
    for (number, entry) in entries.iter().enumerate() {
        let key = path::member(&path::item("rules_from", number), "files");
        if problems.is_repaired(&key) {
            continue;
        }
        if let Some(earlier) = seen.insert(entry.files.as_str(), number) {
            let earlier = path::item("rules_from", earlier);
            problems.error(
                &key,
                Sentence::own(format!("{earlier} has the same files")),
                "name all hosts and paths of these files in one entry",
            );
        }
    }
}

#[cfg(test)]
mod tests;
