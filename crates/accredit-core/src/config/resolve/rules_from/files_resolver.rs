//! Decides which rules of each file are in force: its current ones, or the last valid ones if it is invalid or gone (CONTRACT 3.13.4).

use std::cell::RefCell;
use std::sync::Arc;

use crate::config::load::{self, RulesText};
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::expressions::ExpressionContext;
use crate::config::resolve::matches::bounds;
use crate::config::resolve::rule_context::{RuleContext, RulesPlace};
use crate::config::resolve::rules::rules;
use crate::config::resolve::rules_from::labels::FileLabels;
use crate::config::resolve::rules_from::program_shares::ProgramShares;
use crate::config::rule_document::{RuleDocument, RulesFromDocument};
use crate::config::rules_files::{
    FoundFile, RulesFile, RulesFileContent, RulesFilePattern, RulesInForce,
};
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;
use crate::rules::matcher::Matcher;
use crate::rules::rule::Rule;
use crate::rules::rules_file::RulesFileState;

/// The files of all entries, and the problems of each.
#[derive(Default)]
pub(crate) struct ResolvedFiles {
    /// In the order of their rules.
    pub(crate) files: Vec<ResolvedFile>,
    /// The problems of files whose faults are faults of the configuration.
    pub(crate) errors: Vec<Problems>,
    /// The problems of invalid files whose last valid rules stay in force, if they have any.
    pub(crate) rejected: Vec<Problems>,
}

/// A file, with its rules as they are in force.
pub(crate) struct ResolvedFile {
    pub(crate) file: RulesFile,
    /// With the bounds of their entry.
    pub(crate) rules: Vec<Rule>,
    /// The warnings about the file. `None` unless its current rules are in force.
    pub(crate) problems: Option<Problems>,
}

/// Resolves the files of one entry after the other.
pub(crate) struct FilesResolver<'a> {
    pub(crate) in_force: &'a RulesInForce,
    pub(crate) is_new_configuration: bool,
    pub(crate) context: &'a RuleContext<'a>,
    pub(crate) labels: FileLabels,
    pub(crate) programs: ProgramShares,
    /// The number of the entry that is resolved now.
    pub(crate) entry: usize,
    pub(crate) resolved: ResolvedFiles,
}

impl FilesResolver<'_> {
    /// Resolves the files that were found for an entry, or the cause why they could not be listed.
    pub(crate) fn entry(
        &mut self,
        number: usize,
        entry: &RulesFromDocument,
        found: Option<&Result<Vec<FoundFile>, String>>,
        own_rules: &[Rule],
        problems: &mut Problems,
    ) {
        self.entry = number;
        let key = path::item("rules_from", number);
        let bounds = Arc::new(bounds(&key, entry, problems));
        if problems.has_placeholder_at(&path::member(&key, "files")) {
            // The configuration does not name a file that has the name of the placeholder.
            return;
        }
        refuse_unusable_pattern(&key, entry, problems);
        match found {
            Some(Ok(found)) => self.listed(&key, entry, &bounds, found, own_rules, problems),
            Some(Err(cause)) => self.unlisted(&key, entry, &bounds, cause, problems),
            None => self.unlisted(&key, entry, &bounds, "they were not read", problems),
        }
        // The files that are gone with all others valid.
        self.programs.release(self.in_force.of_entry(&entry.files));
    }

    fn listed(
        &mut self,
        key: &str,
        entry: &RulesFromDocument,
        bounds: &Arc<Matcher>,
        found: &[FoundFile],
        own_rules: &[Rule],
        problems: &mut Problems,
    ) {
        if found.is_empty() {
            problems.warn(
                WarningCode::RulesFromEmpty,
                &path::member(key, "files"),
                "no file has this name, so this entry has no rules",
                "correct the path, or add the files",
            );
        }
        let mut files = Vec::new();
        for found in found {
            // The rules of a file never have the bounds of two entries, also not those that it had before.
            let last = match self.labels.is_of_earlier_entry(&found.path) {
                true => None,
                false => self.in_force.last_valid(&entry.files, &found.path),
            };
            let (content, problems) = self.read(found, last, own_rules, bounds);
            files.push(self.decide(entry, found, last, content, problems));
        }
        // An invalid new file can be the renamed form of a removed file, so the rules of the removed file stay in force.
        let is_complete = files
            .iter()
            .all(|file| file.file.state != RulesFileState::Unused);
        let gone = self.in_force.of_entry(&entry.files);
        let gone = gone.filter(|file| found.iter().all(|found| found.path != file.path));
        for file in gone.filter(|file| !is_complete && file.state != RulesFileState::Unused) {
            let mut problems = Problems::of_file(file.path.clone());
            problems.error(
                "",
                "the file is gone, and its rules stay in force because another file of its entry is invalid",
                "correct the other file, or remove it",
            );
            self.resolved.rejected.push(problems);
            files.push(self.keep(file));
        }
        files.sort_by(|one, other| one.file.path.cmp(&other.file.path));
        self.add(files, bounds);
    }

    /// The files of an entry cannot be listed: the rules that are in force stay in force.
    fn unlisted(
        &mut self,
        key: &str,
        entry: &RulesFromDocument,
        bounds: &Arc<Matcher>,
        cause: &str,
        problems: &mut Problems,
    ) {
        let in_force = self.in_force.of_entry(&entry.files);
        let files: Vec<_> = in_force.map(|file| self.keep(file)).collect();
        let advice = "name a folder that this user can read";
        if files.is_empty() && self.is_new_configuration {
            let key = path::member(key, "files");
            let what = Sentence::own("the files of ")
                .and_quote(&key, &entry.files)
                .and(format!(" cannot be listed: {cause}"));
            // A pattern with a mistake is reported already.
            if RulesFilePattern::parse(&entry.files).is_ok() {
                problems.error(&key, what, advice);
            }
            return;
        }
        let mut problems = Problems::of_file(entry.files.as_str().into());
        let what =
            format!("the files cannot be listed, and their last rules stay in force: {cause}");
        problems.error("", Sentence::own(what), advice);
        self.resolved.rejected.push(problems);
        self.add(files, bounds);
    }

    /// The rules of a file as it is now, and every problem.
    fn read(
        &mut self,
        found: &FoundFile,
        last: Option<&Arc<RulesFileContent>>,
        own_rules: &[Rule],
        bounds: &Matcher,
    ) -> (RulesFileContent, Problems) {
        let mut problems = Problems::of_file(found.path.clone());
        let text = match &found.text {
            Ok(text) => text,
            Err(cause) => {
                problems.error("", Sentence::own(cause.to_string()), cause.advice());
                return (RulesFileContent::default(), problems);
            }
        };
        let RulesText {
            documents,
            mut problems,
            memory,
        } = load::read_rules(found.path.clone(), text);
        problems.accept(self.context.accepted.to_vec());
        let label = match self.labels.claim(&found.path, own_rules) {
            Ok(label) => label,
            Err((what, advice)) => {
                problems.error("", Sentence::own(what), advice);
                return (RulesFileContent::default(), problems);
            }
        };
        let place = RulesPlace::File {
            label: &label,
            bounds,
        };
        let of_configuration = self.context.expressions.document;
        let share = self.programs.share_of(self.entry, last);
        let mut expressions = of_configuration.borrow().of_rules_file(share);
        if let Err(limit) = expressions.reserve(memory) {
            problems.error(
                "",
                Sentence::own(limit.to_string()),
                "remove rules, or shorten their lists and patterns",
            );
            return (RulesFileContent::default(), problems);
        }
        let expressions = RefCell::new(expressions);
        let context = RuleContext {
            expressions: ExpressionContext {
                document: &expressions,
            },
            ..*self.context
        };
        let content = RulesFileContent {
            rules: rules(&documents, place, &context, &mut problems),
            documents,
            memory: expressions.borrow().memory(),
        };
        (content, problems)
    }

    fn decide(
        &mut self,
        entry: &RulesFromDocument,
        found: &FoundFile,
        last: Option<&Arc<RulesFileContent>>,
        content: RulesFileContent,
        problems: Problems,
    ) -> ResolvedFile {
        let file = |state, content| RulesFile {
            pattern: entry.files.as_str().into(),
            path: found.path.clone(),
            state,
            content,
        };
        let (file, problems) = if problems.has_errors() {
            let file = match last {
                Some(content) => file(RulesFileState::Outdated, content.clone()),
                None => file(RulesFileState::Unused, Arc::default()),
            };
            if last.is_none() && self.is_new_configuration {
                self.resolved.errors.push(problems);
            } else {
                self.resolved.rejected.push(problems);
            }
            (file, None)
        } else {
            let content = Arc::new(content);
            (file(RulesFileState::Current, content), Some(problems))
        };
        self.put(file, problems)
    }

    /// A file that stays in force as it is.
    fn keep(&mut self, file: &RulesFile) -> ResolvedFile {
        let state = match file.state {
            RulesFileState::Unused => RulesFileState::Unused,
            RulesFileState::Current | RulesFileState::Outdated => RulesFileState::Outdated,
        };
        let file = RulesFile {
            state,
            ..file.clone()
        };
        self.put(file, None)
    }

    /// Every file comes through here, so that its programs count.
    fn put(&mut self, file: RulesFile, problems: Option<Problems>) -> ResolvedFile {
        self.programs.count(self.entry, &file.content);
        ResolvedFile {
            file,
            rules: Vec::new(),
            problems,
        }
    }

    fn add(&mut self, files: Vec<ResolvedFile>, bounds: &Arc<Matcher>) {
        self.resolved.files.extend(files.into_iter().map(|file| {
            let rules = file.file.content.rules.iter();
            ResolvedFile {
                rules: rules
                    .map(|rule| Rule {
                        bounds: Some(bounds.clone()),
                        ..rule.clone()
                    })
                    .collect(),
                ..file
            }
        }));
    }
}

impl ResolvedFile {
    pub(crate) fn documents(&self) -> &[RuleDocument] {
        &self.file.content.documents
    }
}

/// A pattern with a mistake is reported here; the program finds no files for it.
fn refuse_unusable_pattern(key: &str, entry: &RulesFromDocument, problems: &mut Problems) {
    if let Err(error) = RulesFilePattern::parse(&entry.files) {
        problems.error(
            &path::member(key, "files"),
            Sentence::own(error.to_string()),
            "write the path of a file, or of a folder and a file name with `*`",
        );
    }
}
