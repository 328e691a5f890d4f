//! The members of one mapping of another tool's configuration, read tolerantly, and those that were not read.

use std::cell::Cell;

use serde_json::Value;

use crate::import::report::ImportReport;

/// A mapping. Names are found in snake case and in camel case, and with any capital letters.
#[derive(Debug)]
pub(crate) struct Members<'v> {
    at: String,
    found: Vec<OneMember<'v>>,
    report: &'v ImportReport,
}

#[derive(Debug)]
struct OneMember<'v> {
    name: &'v str,
    value: &'v Value,
    is_read: Cell<bool>,
}

impl<'v> Members<'v> {
    /// The members of `value`, which `at` names in messages.
    pub(crate) fn of(at: &str, value: &'v Value, report: &'v ImportReport) -> Members<'v> {
        let found = match value {
            Value::Object(members) => members
                .iter()
                // An absent member and a null are the same to every one of these tools.
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| OneMember {
                    name,
                    value,
                    is_read: Cell::new(false),
                })
                .collect(),
            _ => {
                report.unreadable(at, "a mapping");
                Vec::new()
            }
        };
        Members {
            at: at.to_owned(),
            found,
            report,
        }
    }

    pub(crate) fn report(&self) -> &'v ImportReport {
        self.report
    }

    /// The place of the mapping.
    pub(crate) fn place(&self) -> &str {
        &self.at
    }

    /// The place of a member.
    pub(crate) fn at(&self, name: &str) -> String {
        let spelled = self.member(name).map_or(name, |member| member.name);
        match self.at.ends_with(": ") {
            true => format!("{}{spelled}", self.at),
            false => format!("{}.{spelled}", self.at),
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'v Value> {
        let member = self.member(name)?;
        member.is_read.set(true);
        Some(member.value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()),
            _ => self.wrong(name, "a text"),
        }
    }

    /// A list of texts. An element of another type is reported and left out.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let Value::Array(elements) = self.value(name)? else {
            return self.wrong(name, "a list of texts");
        };
        let mut texts = Vec::new();
        for element in elements {
            match element {
                Value::String(text) => texts.push(text.clone()),
                _ => {
                    let _: Option<()> = self.wrong(name, "a list of texts");
                }
            }
        }
        Some(texts)
    }

    pub(crate) fn mapping(&self, name: &str) -> Option<Members<'v>> {
        let value = self.value(name)?;
        Some(Members::of(&self.at(name), value, self.report))
    }

    /// The elements of a list of mappings.
    pub(crate) fn mappings(&self, name: &str) -> Vec<Members<'v>> {
        self.elements(name)
            .into_iter()
            .map(|(at, value)| Members::of(&at, value, self.report))
            .collect()
    }

    /// The elements of a list, each with its place.
    pub(crate) fn elements(&self, name: &str) -> Vec<(String, &'v Value)> {
        let at = self.at(name);
        match self.value(name) {
            None => Vec::new(),
            Some(Value::Array(elements)) => elements
                .iter()
                .enumerate()
                .map(|(number, element)| (format!("{at}[{number}]"), element))
                .collect(),
            Some(_) => self.wrong(name, "a list").unwrap_or_default(),
        }
    }

    /// The members of a mapping whose names are free, each with its place.
    pub(crate) fn entries(&self, name: &str) -> Vec<(&'v str, String, &'v Value)> {
        let at = self.at(name);
        match self.value(name) {
            None => Vec::new(),
            Some(Value::Object(members)) => members
                .iter()
                .map(|(key, value)| (key.as_str(), format!("{at}[{key}]"), value))
                .collect(),
            Some(_) => self.wrong(name, "a mapping").unwrap_or_default(),
        }
    }

    /// A boolean, also in the wrapper of protocol buffers.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        match value.get("value").unwrap_or(value) {
            Value::Bool(flag) => Some(*flag),
            _ => self.wrong(name, "a boolean"),
        }
    }

    /// A value of an enumeration of protocol buffers: its name, or its number, which is its place in `words`. An absent one is
    /// the first. `None` if it is none of them, which is reported.
    pub(crate) fn word(&self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let Some(value) = self.value(name) else {
            return words.first().copied();
        };
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let by_name = || {
            let name = value.as_str()?;
            words.iter().find(|word| word.eq_ignore_ascii_case(name))
        };
        number
            .and_then(|number| words.get(usize::try_from(number).ok()?))
            .or_else(by_name)
            .copied()
            .or_else(|| self.wrong(name, &format!("one of {}", words.join(", "))))
    }

    /// A whole number, also as a text, as JSON of protocol buffers has it.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let number = match self.value(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        number.or_else(|| self.wrong(name, "a whole number"))
    }

    /// A duration in milliseconds: `1.5s`, `5m0s`, or seconds and nanoseconds.
    pub(crate) fn milliseconds(&self, name: &str) -> Option<u64> {
        let milliseconds = match self.value(name)? {
            Value::String(text) => milliseconds(text),
            Value::Object(parts) => {
                let part = |name| parts.get(name).map_or(Some(0), Value::as_u64);
                part("seconds")
                    .zip(part("nanos"))
                    .and_then(|(seconds, nanos)| {
                        seconds.checked_mul(1000)?.checked_add(nanos / 1_000_000)
                    })
            }
            _ => None,
        };
        milliseconds.or_else(|| self.wrong(name, "a duration"))
    }

    /// These members have no influence on who is admitted, or the reader looks at them elsewhere.
    pub(crate) fn ignore(&self, names: &[&str]) {
        for name in names {
            let _ = self.value(name);
        }
    }

    /// Whether a member was not read.
    pub(crate) fn has_unread(&self) -> bool {
        self.found.iter().any(|member| !member.is_read.get())
    }

    /// Reports each member that was not read.
    pub(crate) fn report_unread(self) {
        for member in self.found.iter().filter(|member| !member.is_read.get()) {
            self.report.left_out(
                &self.at(member.name),
                "`import` does not know this field",
                "if it decides who is admitted, write a rule for it",
            );
        }
    }

    fn member(&self, name: &str) -> Option<&OneMember<'v>> {
        self.found
            .iter()
            .find(|member| is_same_name(member.name, name))
    }

    fn wrong<T>(&self, name: &str, expected: &str) -> Option<T> {
        self.report.unreadable(&self.at(name), expected);
        None
    }
}

/// Protocol buffers are written with either form of a name.
fn is_same_name(one: &str, other: &str) -> bool {
    let letters = |name: &str| {
        name.chars()
            .filter(|c| *c != '_')
            .map(|c| c.to_ascii_lowercase())
            .collect::<String>()
    };
    one == other || letters(one) == letters(other)
}

/// A duration of protocol buffers or of Go. Fractions below a millisecond are rounded up.
fn milliseconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let factor = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    (!text.is_empty() && sum < 1e15).then_some(sum.ceil() as u64)
}

#[cfg(test)]
mod tests;
