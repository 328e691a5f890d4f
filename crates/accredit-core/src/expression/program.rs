//! A compiled expression: a tree of operations whose names are resolved.

use std::sync::Arc;

use crate::expression::bounded_regex::BoundedRegex;
use crate::expression::value::{Map, Value};
use crate::expression::variables::Variable;

/// An operation.
#[derive(Clone, Debug)]
pub enum Node {
    Literal(Literal),
    Variable(Variable),
    /// The variable of a comprehension, counted from the outermost one.
    Local(usize),
    /// `operand.name`, or `operand["name"]`.
    Member {
        operand: Box<Node>,
        name: Box<str>,
        /// The text of the whole operation, for messages.
        path: Arc<str>,
    },
    /// `has(operand.name)`
    Has {
        operand: Box<Node>,
        name: Box<str>,
    },
    Index(Box<[Node; 2]>),
    List(Vec<Node>),
    Map(Vec<[Node; 2]>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Conditional(Box<[Node; 3]>),
    Binary(Operator, Box<[Node; 2]>),
    Call(Function, Vec<Node>),
    Matches(Box<Node>, Arc<BoundedRegex>),
    Comprehension(Box<Comprehension>),
}

/// A constant. It has no lifetime and is shared between threads.
#[derive(Clone, Debug)]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    Type(&'static str),
    /// `env`: the variables of `expression_env`.
    Texts(Arc<[(Box<str>, Box<str>)]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    In,
}

/// A comprehension of one variable.
#[derive(Clone, Debug)]
pub struct Comprehension {
    pub kind: Quantifier,
    pub range: Node,
    /// Members for which this is false are left out.
    pub guard: Option<Node>,
    /// The predicate, or for `Collect` the value of an element.
    pub body: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    All,
    Exists,
    ExistsOne,
    /// `map` and `filter`
    Collect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Int,
    Uint,
    Double,
    Text,
    Bool,
    Bytes,
    Dyn,
    Type,
    Duration,
    Timestamp,
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
    Split,
    Join,
    LowerAscii,
    UpperAscii,
    Trim,
    Replace,
    Substring,
    IndexOf,
    Cidr,
    ContainsIp,
}

impl Function {
    /// Every function with its name, and the least and the most arguments, the target of a method included.
    pub const ALL: [(Function, &'static str, usize, usize); 34] = [
        (Function::Size, "size", 1, 1),
        (Function::Contains, "contains", 2, 2),
        (Function::StartsWith, "startsWith", 2, 2),
        (Function::EndsWith, "endsWith", 2, 2),
        (Function::Int, "int", 1, 1),
        (Function::Uint, "uint", 1, 1),
        (Function::Double, "double", 1, 1),
        (Function::Text, "string", 1, 1),
        (Function::Bool, "bool", 1, 1),
        (Function::Bytes, "bytes", 1, 1),
        (Function::Dyn, "dyn", 1, 1),
        (Function::Type, "type", 1, 1),
        (Function::Duration, "duration", 1, 1),
        (Function::Timestamp, "timestamp", 1, 1),
        (Function::FullYear, "getFullYear", 1, 2),
        (Function::Month, "getMonth", 1, 2),
        (Function::Date, "getDate", 1, 2),
        (Function::DayOfMonth, "getDayOfMonth", 1, 2),
        (Function::DayOfWeek, "getDayOfWeek", 1, 2),
        (Function::DayOfYear, "getDayOfYear", 1, 2),
        (Function::Hours, "getHours", 1, 2),
        (Function::Minutes, "getMinutes", 1, 2),
        (Function::Seconds, "getSeconds", 1, 2),
        (Function::Milliseconds, "getMilliseconds", 1, 2),
        (Function::Split, "split", 2, 3),
        (Function::Join, "join", 1, 2),
        (Function::LowerAscii, "lowerAscii", 1, 1),
        (Function::UpperAscii, "upperAscii", 1, 1),
        (Function::Trim, "trim", 1, 1),
        (Function::Replace, "replace", 3, 4),
        (Function::Substring, "substring", 2, 3),
        (Function::IndexOf, "indexOf", 2, 3),
        (Function::Cidr, "cidr", 1, 1),
        (Function::ContainsIp, "containsIP", 2, 2),
    ];

    pub fn name(self) -> &'static str {
        Function::ALL
            .iter()
            .find(|(own, ..)| *own == self)
            .map_or("", |(_, name, ..)| name)
    }
}

impl Operator {
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Equal => "`==`",
            Operator::NotEqual => "`!=`",
            Operator::Less => "`<`",
            Operator::LessOrEqual => "`<=`",
            Operator::Greater => "`>`",
            Operator::GreaterOrEqual => "`>=`",
            Operator::Add => "`+`",
            Operator::Subtract => "`-`",
            Operator::Multiply => "`*`",
            Operator::Divide => "`/`",
            Operator::Remainder => "`%`",
            Operator::In => "`in`",
        }
    }
}

impl Literal {
    /// The bytes of its text.
    pub fn text_bytes(&self) -> usize {
        match self {
            Literal::Text(text) => text.len(),
            Literal::Bytes(bytes) => bytes.len(),
            // Shared with the other expressions of the document.
            Literal::Texts(_) => 0,
            Literal::Null
            | Literal::Bool(_)
            | Literal::Int(_)
            | Literal::Uint(_)
            | Literal::Double(_)
            | Literal::Type(_) => 0,
        }
    }

    pub fn value(&self) -> Value<'_> {
        match self {
            Literal::Null => Value::Null,
            Literal::Bool(flag) => Value::Bool(*flag),
            Literal::Int(number) => Value::Int(*number),
            Literal::Uint(number) => Value::Uint(*number),
            Literal::Double(number) => Value::Double(*number),
            Literal::Text(text) => Value::borrowed(text),
            Literal::Bytes(bytes) => Value::Bytes(bytes.as_ref().into()),
            Literal::Type(name) => Value::Type(name),
            Literal::Texts(members) => Value::Map(Map::Constants(members)),
        }
    }
}
