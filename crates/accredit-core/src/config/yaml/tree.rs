//! A YAML document as a tree in which every node knows its place in the text.

use std::fmt;

/// One value of the document and where it stands.
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
    /// At least a part came from the environment, so it may be secret: no problem quotes it.
    Environment,
    /// It names the environment in a way that could not be followed, which is reported already.
    Unresolved,
}

/// The name of a member of a mapping and where it stands.
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

// Values may be secret (a part of any may come from the environment), so only the shape is shown.
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
    /// What it is, in a word of the problems' sentences.
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
