//! A YAML document as a tree in which every node knows its place in the text.

use std::fmt;

/// One value of the document and where it stands.
#[derive(Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where its text came from.
    pub origin: Origin,
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in the text, from 1.
    pub column: usize,
}

/// A value by the core schema of YAML 1.2.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping, in the order of the text, each name once.
    Mapping(Vec<(Key, Node)>),
}

/// Where the text of a scalar came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stands in the document.
    Document,
    /// At least a part came from the environment, so it may be secret: no problem quotes it.
    Environment,
    /// It names the environment in a way that could not be followed, which is reported already.
    Unresolved,
}

/// The name of a member of a mapping and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name.
    pub name: String,
    /// Line in the text, from 1.
    pub line: usize,
    /// Column in the text, from 1.
    pub column: usize,
}

impl Node {
    /// A node as it stands in the document.
    pub fn new(value: Value, line: usize, column: usize) -> Node {
        Node {
            value,
            origin: Origin::Document,
            line,
            column,
        }
    }
}

// Values may be secret (a part of any may come from the environment), so only the shape is shown.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.value.kind(), self.line, self.column)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Value {
    /// What it is, in a word of the problems' sentences.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}
