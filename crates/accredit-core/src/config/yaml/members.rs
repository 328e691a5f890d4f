//! Reads the members of a mapping: keys and values in turn, each key once.

use std::collections::HashMap;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::config::yaml::tree::{YamlKey, YamlNode, YamlValue};

/// The members so far, and whether the next node is a key or a value.
#[derive(Default)]
pub(crate) struct OpenMapping {
    complete: Vec<(YamlKey, YamlNode)>,
    lines: HashMap<String, usize>,
    next: Next,
}

#[derive(Default)]
enum Next {
    #[default]
    Key,
    ValueOf(YamlKey),
    /// The value of a key for which a problem was already reported.
    Skipped,
}

impl OpenMapping {
    /// Adds the next node of the mapping at `path`.
    pub(crate) fn push(&mut self, node: YamlNode, path: &str, problems: &mut Problems) {
        self.next = match std::mem::take(&mut self.next) {
            Next::Key => self
                .key(node, path, problems)
                .map_or(Next::Skipped, Next::ValueOf),
            Next::ValueOf(key) => {
                self.complete.push((key, node));
                Next::Key
            }
            Next::Skipped => Next::Key,
        };
    }

    /// The key whose value is the next node.
    pub(crate) fn pending(&self) -> Option<&YamlKey> {
        match &self.next {
            Next::ValueOf(key) => Some(key),
            Next::Key | Next::Skipped => None,
        }
    }

    /// All members, in the order of the text.
    pub(crate) fn into_vec(self) -> Vec<(YamlKey, YamlNode)> {
        self.complete
    }

    /// A node as a key. `None` if a problem was reported.
    fn key(&mut self, node: YamlNode, parent: &str, problems: &mut Problems) -> Option<YamlKey> {
        let place @ (line, column) = (node.line, node.column);
        let YamlValue::String(name) = node.value else {
            let what = format!("a key must be a string, and this is {}", node.value.kind());
            let what = Sentence::own(what);
            problems.error_at(parent, place, what, "put it in quotes, or write a name");
            return None;
        };
        if name.len() > MAX_KEY {
            problems.error_at(
                parent,
                place,
                "this key is longer than 256 bytes",
                "shorten it",
            );
            return None;
        }
        if name == "<<" {
            problems.error_at(
                parent,
                place,
                "YAML 1.2 has no merge key `<<`",
                "write its keys out",
            );
            return None;
        }
        if let Some(first) = self.lines.get(&name) {
            let what =
                format!("the key is given twice, first in line {first} and again in line {line}");
            problems.error_at(
                &path::member(parent, &name),
                place,
                Sentence::own(what),
                "keep one of them",
            );
            return None;
        }
        self.lines.insert(name.clone(), line);
        Some(YamlKey { name, line, column })
    }
}

/// The maximum length of a key in bytes. Key paths contain keys, so a very long key would make every problem below it very long.
const MAX_KEY: usize = 256;
