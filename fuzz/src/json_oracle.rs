//! Another reading of JSON, by serde_json: with every member of an object, so that duplicates can be seen.

use std::fmt;

use accredit_core::jose::json::value::{JsonKind, JsonValue};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// How deep accredit permits lists and objects to be nested.
pub const MAX_DEPTH: usize = 64;

/// A value as serde_json reads it.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Tree>),
    /// Every member, in the order of the text.
    Object(Vec<(String, Tree)>),
}

/// What serde_json says about a text.
#[derive(Debug)]
pub enum Reading {
    Json(Tree),
    /// A number outside the range of a double. accredit keeps its digits instead.
    OutOfRange,
    NotJson,
}

pub fn read(text: &[u8]) -> Reading {
    match serde_json::from_slice(text) {
        Ok(tree) => Reading::Json(tree),
        Err(error) if error.to_string().starts_with("number out of range") => Reading::OutOfRange,
        Err(_) => Reading::NotJson,
    }
}

impl Tree {
    /// The member of an object, unless it is `null`.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        match self {
            Tree::Object(members) => members
                .iter()
                .find(|(own, value)| own == name && *value != Tree::Null)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How deep lists and objects are nested.
    pub fn depth(&self) -> usize {
        match self {
            Tree::List(elements) => 1 + elements.iter().map(Tree::depth).max().unwrap_or(0),
            Tree::Object(members) => {
                1 + members
                    .iter()
                    .map(|(_, value)| value.depth())
                    .max()
                    .unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Whether an object has a member twice, at any depth.
    pub fn has_duplicates(&self) -> bool {
        match self {
            Tree::List(elements) => elements.iter().any(Tree::has_duplicates),
            Tree::Object(members) => {
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                names.windows(2).any(|pair| pair[0] == pair[1])
                    || members.iter().any(|(_, value)| value.has_duplicates())
            }
            _ => false,
        }
    }

    /// Whether accredit read the same value.
    pub fn is_same(&self, own: JsonValue<'_>) -> bool {
        match (self, own.kind()) {
            (Tree::Null, JsonKind::Null) => true,
            (Tree::Bool(flag), JsonKind::Bool(own)) => *flag == own,
            (Tree::Number(value), JsonKind::Number) => {
                own.number().is_some_and(|own| are_close(own, *value))
            }
            (Tree::Text(text), JsonKind::String(own)) => **text == *own,
            (Tree::List(elements), JsonKind::Array(own)) => {
                elements.len() == own.len()
                    && elements.iter().zip(own).all(|(one, own)| one.is_same(own))
            }
            (Tree::Object(members), JsonKind::Object(own)) => {
                members.len() == own.iter().count()
                    && members
                        .iter()
                        .zip(own.iter())
                        .all(|((name, value), (own_name, own))| {
                            name == own_name && value.is_same(own)
                        })
            }
            _ => false,
        }
    }
}

/// Without its feature `float_roundtrip`, serde_json reads long numbers with an error of some units in the last place.
fn are_close(one: f64, other: f64) -> bool {
    let error = (one - other).abs();
    error <= one.abs() * 1e-14 || error < 1e-300
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(Tree::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Tree::Object(object))
    }
}
