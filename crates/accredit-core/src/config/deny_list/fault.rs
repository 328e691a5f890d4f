//! What is wrong with a deny list. Values of entries are not shown.

use std::fmt;

/// One fault of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyListFault {
    /// From 1.
    pub line: Option<u32>,
    pub what: String,
}

/// A list that cannot be used, with its first faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableDenyList {
    pub faults: Vec<DenyListFault>,
}

/// The maximum number of faults that a log line shows.
const MAX_SHOWN: usize = 3;

impl fmt::Display for DenyListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl fmt::Display for UnusableDenyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.faults.iter().take(MAX_SHOWN);
        let shown: Vec<String> = shown.map(ToString::to_string).collect();
        f.write_str(&shown.join("; "))?;
        match self.faults.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more faults"),
        }
    }
}

impl std::error::Error for UnusableDenyList {}
