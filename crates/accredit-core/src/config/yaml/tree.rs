//! A YAML document as a tree in which every node has its place in the text.

use std::fmt;

/// One value of the document and its place.
#[derive(Clone, PartialEq)]
pub struct YamlNode {
    /// What it is.
    pub value: YamlValue,
    /// Where its text came from.
    pub origin: Origin,
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in the text, from 1.
    pub column: usize,
}

/// A value by the core schema of YAML 1.2.
#[derive(Clone, PartialEq)]
pub enum YamlValue {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    String(String),
    Sequence(Vec<YamlNode>),
    /// A mapping, in the order of the text, each name once.
    Mapping(Vec<(YamlKey, YamlNode)>),
}

/// Where the text of a scalar came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The document contains it.
    Document,
    /// At least a part of the text came from the environment and may be secret, so no problem quotes it.
    Environment,
    /// The text has a reference to the environment that could not be resolved, which was already reported.
    Unresolved,
}

/// The name of a member of a mapping, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlKey {
    pub name: String,
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in the text, from 1.
    pub column: usize,
}

impl YamlNode {
    /// A node of the document.
    pub fn new(value: YamlValue, line: usize, column: usize) -> YamlNode {
        YamlNode {
            value,
            origin: Origin::Document,
            line,
            column,
        }
    }
}

// A part of any value may come from the environment and be secret, so only the shape is shown.
impl fmt::Debug for YamlNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.value.kind(), self.line, self.column)
    }
}

impl fmt::Debug for YamlValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl YamlValue {
    /// The type of the value, in the words of problems.
    pub fn kind(&self) -> &'static str {
        match self {
            YamlValue::Null => "nothing",
            YamlValue::Bool(_) => "a boolean",
            YamlValue::Integer(_) | YamlValue::Float(_) => "a number",
            YamlValue::String(_) => "a string",
            YamlValue::Sequence(_) => "a list",
            YamlValue::Mapping(_) => "a mapping",
        }
    }
}
