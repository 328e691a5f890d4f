//! Reads the text of a deny list: JSON, one entry per line, of any length; or a YAML list of at most 4 MiB.
//!
//! The text is fed in pieces, so that a list of a million entries needs no more memory than its entries.

use crate::config::deny_list::entry::{EntryError, EntryFields, FieldValue};
use crate::config::deny_list::fault::{DenyListFault, UnusableDenyList};
use crate::config::problem::Problems;
use crate::config::yaml;
use crate::config::yaml::budget::MAX_BYTES;
use crate::config::yaml::tree::{YamlNode, YamlValue};
use crate::jose::json::value::JsonKind;
use crate::jose::json::{Duplicates, JsonDocument};
use crate::revocation::list::{DenyList, DenyListBuilder};

pub mod entry;
pub mod fault;

/// The longest line of a list, in bytes.
const MAX_LINE: usize = 64 * 1024;

/// The maximum number of faults of a list that are reported.
const MAX_FAULTS: usize = 20;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads one list.
pub struct DenyListReader {
    form: ListForm,
    /// The text that was fed and not parsed yet.
    rest: Vec<u8>,
    /// The number of the line that `rest` begins with, from 1.
    line: u32,
    builder: DenyListBuilder,
    faults: Vec<DenyListFault>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ListForm {
    /// So far, the text has only white space.
    Unknown,
    JsonLines,
    Yaml,
}

impl Default for DenyListReader {
    fn default() -> DenyListReader {
        DenyListReader {
            form: ListForm::Unknown,
            rest: Vec::new(),
            line: 1,
            builder: DenyListBuilder::default(),
            faults: Vec::new(),
        }
    }
}

impl DenyListReader {
    /// Reads the next piece of the text.
    ///
    /// # Errors
    /// [`UnusableDenyList`] if there is no use in feeding more.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), UnusableDenyList> {
        self.rest.extend_from_slice(piece);
        if self.form == ListForm::Unknown {
            self.form = match self.rest.trim_ascii_start().first() {
                None => ListForm::Unknown,
                Some(b'{') => ListForm::JsonLines,
                Some(_) => ListForm::Yaml,
            };
        }
        if self.form == ListForm::JsonLines {
            self.read_whole_lines()?;
        }
        let (limit, fault) = match self.form {
            ListForm::JsonLines => (MAX_LINE, "this line is longer than 64 KiB"),
            ListForm::Unknown | ListForm::Yaml => (
                MAX_BYTES,
                "the list is over 4 MiB; write it as JSON, one entry per line",
            ),
        };
        if self.rest.len() > limit {
            self.fault(fault.to_owned());
            return Err(self.unusable());
        }
        Ok(())
    }

    /// The list, once its whole text was fed.
    ///
    /// # Errors
    /// [`UnusableDenyList`]
    pub fn finish(mut self) -> Result<DenyList, UnusableDenyList> {
        match self.form {
            ListForm::JsonLines => {
                let last = std::mem::take(&mut self.rest);
                self.read_line(&last)?;
            }
            ListForm::Yaml => self.read_yaml(),
            // A list that was emptied by mistake must not admit every revoked token.
            ListForm::Unknown => self.faults.push(DenyListFault {
                line: None,
                what: "the list is empty; write `[]` for a list without entries".to_owned(),
            }),
        }
        if self.faults.is_empty() {
            Ok(self.builder.build())
        } else {
            Err(self.unusable())
        }
    }

    fn read_whole_lines(&mut self) -> Result<(), UnusableDenyList> {
        let rest = std::mem::take(&mut self.rest);
        let mut lines = rest.split_inclusive(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            if lines.peek().is_none() && !line.ends_with(b"\n") {
                self.rest = line.to_vec();
                break;
            }
            self.read_line(line)?;
            self.line = self.line.saturating_add(1);
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8]) -> Result<(), UnusableDenyList> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        if line.len() > MAX_LINE {
            self.fault("this line is longer than 64 KiB".to_owned());
            return Err(self.unusable());
        }
        match JsonDocument::parse(line, Duplicates::Refuse) {
            Err(error) => self.fault(format!("this line cannot be read: {error}")),
            Ok(document) => match document.object() {
                None => self.fault("this line is not a JSON object".to_owned()),
                Some(object) => {
                    let fields = object.iter().map(|(name, value)| {
                        let value = match value.kind() {
                            JsonKind::String(text) => FieldValue::Text(text),
                            JsonKind::Number => {
                                FieldValue::Number(value.number().unwrap_or(f64::NAN))
                            }
                            _ => FieldValue::Other,
                        };
                        (name, value)
                    });
                    self.add(self.line, EntryFields::read(fields));
                }
            },
        }
        if self.faults.len() >= MAX_FAULTS {
            return Err(self.unusable());
        }
        Ok(())
    }

    fn read_yaml(&mut self) {
        let text = std::mem::take(&mut self.rest);
        if text.starts_with(BYTE_ORDER_MARK) {
            return self
                .fault("the list begins with a byte-order mark; save it without".to_owned());
        }
        let Ok(text) = std::str::from_utf8(&text) else {
            return self.fault("the list is not UTF-8".to_owned());
        };
        let mut problems = Problems::default();
        let root = yaml::read::read(text, &mut problems);
        let problems = problems.into_sorted();
        self.faults.extend(
            problems
                .iter()
                .take(MAX_FAULTS)
                .map(|problem| DenyListFault {
                    line: problem.line.and_then(|line| u32::try_from(line).ok()),
                    what: format!("{}; {}", problem.what, problem.advice),
                }),
        );
        let Some(root) = root.filter(|_| self.faults.is_empty()) else {
            return;
        };
        match root.value {
            YamlValue::Sequence(items) => items.iter().for_each(|item| self.add_node(item)),
            _ => self.fault(
                "the list is not a list of entries; write `[]` for a list without entries"
                    .to_owned(),
            ),
        }
    }

    fn add_node(&mut self, item: &YamlNode) {
        if self.faults.len() >= MAX_FAULTS {
            return;
        }
        self.line = u32::try_from(item.line).unwrap_or(u32::MAX);
        let YamlValue::Mapping(members) = &item.value else {
            return self.fault(format!(
                "an entry is a mapping, and this is {}",
                item.value.kind()
            ));
        };
        let fields = members.iter().map(|(key, node)| {
            let value = match &node.value {
                YamlValue::String(text) => FieldValue::Text(text),
                YamlValue::Integer(number) => FieldValue::Number(*number as f64),
                YamlValue::Float(number) => FieldValue::Number(*number),
                _ => FieldValue::Other,
            };
            (key.name.as_str(), value)
        });
        self.add(self.line, EntryFields::read(fields));
    }

    fn add(&mut self, line: u32, read: Result<EntryFields<'_>, EntryError>) {
        let result = read.and_then(|fields| {
            let entry = fields.entry(line)?;
            // An entry that has ended is kept, too: the clock can be ahead now and be corrected later.
            self.builder.push(&entry).map_err(EntryError::from)
        });
        if let Err(error) = result {
            self.fault(error.to_string());
        }
    }

    fn fault(&mut self, what: String) {
        let line = Some(self.line);
        self.faults.push(DenyListFault { line, what });
    }

    fn unusable(&mut self) -> UnusableDenyList {
        UnusableDenyList {
            faults: std::mem::take(&mut self.faults),
        }
    }
}

#[cfg(test)]
mod tests;
