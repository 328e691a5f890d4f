//! Converts a tree to its type with serde. It runs after `structure` found no problem, so an error here is a fault of
//! accredit: the schema and the types differ.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use thiserror::Error;

use crate::config::yaml::tree::{YamlNode, YamlValue};

/// A tree does not fit its type. The error has no details, because serde's texts quote values, which may be secret.
#[derive(Debug, Error)]
#[error("the document does not fit its type")]
pub struct DecodeError;

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(_: T) -> DecodeError {
        DecodeError
    }
}

impl<'de> Deserializer<'de> for &'de YamlNode {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.value {
            YamlValue::Null => visitor.visit_unit(),
            YamlValue::Bool(value) => visitor.visit_bool(*value),
            YamlValue::Integer(value) => visitor.visit_i64(*value),
            YamlValue::Float(value) => visitor.visit_f64(*value),
            YamlValue::String(value) => visitor.visit_borrowed_str(value),
            YamlValue::Sequence(items) => visitor.visit_seq(SeqDeserializer::new(items.iter())),
            YamlValue::Mapping(members) => visitor.visit_map(MapDeserializer::new(
                members.iter().map(|(key, node)| (key.name.as_str(), node)),
            )),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.value {
            YamlValue::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.value {
            YamlValue::String(name) => visitor.visit_enum(StrDeserializer::new(name)),
            _ => Err(DecodeError),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, DecodeError> for &'de YamlNode {
    type Deserializer = &'de YamlNode;

    fn into_deserializer(self) -> &'de YamlNode {
        self
    }
}
