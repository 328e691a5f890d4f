//! The value of an expression as dynamic metadata, with its type (CONTRACT 8.6).

use crate::authn::token_metadata::{MAX_DEPTH, MetadataValue, of_json};
use crate::expression::budget::EvaluationBudget;
use crate::expression::value::{List, Map, Value};
use crate::token::decimal::MAX_EXACT_INTEGER;

/// The maximum size of one value: the bytes of its texts and names, and 16 for every other value.
const MAX_BYTES: usize = 16 * 1024;

/// The metadata of a value. `None` if it has no such form or is too large.
pub(crate) fn of_value(value: &Value<'_>) -> Option<MetadataValue<'static>> {
    if matches!(value, Value::Null) {
        return None;
    }
    let mut writer = TypedWriter {
        left: MAX_BYTES,
        budget: EvaluationBudget::new(),
    };
    writer.value(value, 0)
}

/// One value can be part of another many times without a copy, so the size is counted while it is written.
struct TypedWriter {
    left: usize,
    budget: EvaluationBudget,
}

impl TypedWriter {
    fn spend(&mut self, bytes: usize) -> Option<()> {
        self.left = self.left.checked_sub(bytes)?;
        Some(())
    }

    fn value(&mut self, value: &Value<'_>, depth: usize) -> Option<MetadataValue<'static>> {
        self.spend(16)?;
        match value {
            Value::Null => Some(MetadataValue::Null),
            Value::Bool(flag) => Some(MetadataValue::Bool(*flag)),
            Value::Int(number) => Some(integer(i128::from(*number))),
            Value::Uint(number) => Some(integer(i128::from(*number))),
            Value::Double(number) => number.is_finite().then_some(MetadataValue::Number(*number)),
            Value::Text(text) => {
                self.spend(text.len())?;
                Some(MetadataValue::Text(text.to_string().into()))
            }
            Value::List(_) | Value::Map(_) if depth == MAX_DEPTH => None,
            Value::List(list) => self.list(list, depth),
            Value::Map(map) => self.map(map, depth),
            Value::Bytes(_)
            | Value::Timestamp(_)
            | Value::Duration(_)
            | Value::Type(_)
            | Value::Network(_) => None,
        }
    }

    fn list(&mut self, list: &List<'_>, depth: usize) -> Option<MetadataValue<'static>> {
        let mut values = Vec::new();
        // The token's own digits.
        if let List::Json(elements) = list {
            for element in elements.iter() {
                self.spend(16 + element.raw().len())?;
                values.push(of_json(element, depth + 1).into_owned());
            }
        } else {
            for element in list.iter() {
                values.push(self.value(&element, depth + 1)?);
            }
        }
        Some(MetadataValue::List(values))
    }

    fn map(&mut self, map: &Map<'_>, depth: usize) -> Option<MetadataValue<'static>> {
        if let Map::Json(value) = map {
            self.spend(value.raw().len())?;
            return Some(of_json(*value, depth).into_owned());
        }
        let mut members = Vec::new();
        for key in map.keys(&mut self.budget).ok()? {
            let Value::Text(name) = &key else {
                return None;
            };
            self.spend(name.len())?;
            let value = map.get(name, &mut self.budget).ok()??;
            members.push((name.to_string().into(), self.value(&value, depth + 1)?));
        }
        Some(MetadataValue::Map(members))
    }
}

/// A protobuf `Value` holds doubles, which do not have every integer beyond 2^53 (CONTRACT 4.13.2).
fn integer(number: i128) -> MetadataValue<'static> {
    match number.unsigned_abs() <= MAX_EXACT_INTEGER as u128 {
        true => MetadataValue::Number(number as f64),
        false => MetadataValue::Text(number.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{MetadataValue, of_value};
    use crate::expression::Expression;
    use crate::expression::variables::{VariableSet, Variables};
    use crate::token::claims::Claims;

    fn value(text: &str) -> Option<MetadataValue<'static>> {
        let claims = r#"{"n":5,"f":1.5,"big":9007199254740993,"huge":123456789012345678901,"o":{"a":[1,null,"x"]},"l":[true]}"#;
        let claims = Claims::parse(claims.as_bytes()).expect("are claims");
        let expression = Expression::parse(text, VariableSet::Request, &BTreeMap::new());
        let expression = expression.unwrap_or_else(|error| panic!("{text}: {error}"));
        let variables = Variables {
            request: None,
            claims: Some(&claims),
            scopes: vec!["read"],
            issuer: "",
        };
        of_value(&expression.evaluate(&variables).ok()?)
    }

    #[test]
    fn values_keep_their_types() {
        let text = |text: &'static str| MetadataValue::Text(text.into());
        let map = |members: &[(&str, MetadataValue<'static>)]| {
            let members = members.iter();
            MetadataValue::Map(
                members
                    .map(|(name, value)| ((*name).to_owned().into(), value.clone()))
                    .collect(),
            )
        };
        let nested = MetadataValue::List(vec![
            MetadataValue::Number(1.0),
            MetadataValue::Null,
            text("x"),
        ]);
        for (expression, expected) in [
            ("claims.n", MetadataValue::Number(5.0)),
            ("claims.n * 2", MetadataValue::Number(10.0)),
            ("5u", MetadataValue::Number(5.0)),
            ("claims.f", MetadataValue::Number(1.5)),
            ("claims.big", text("9007199254740993")),
            (
                "[claims.n > 1]",
                MetadataValue::List(vec![MetadataValue::Bool(true)]),
            ),
            (
                "claims.l",
                MetadataValue::List(vec![MetadataValue::Bool(true)]),
            ),
            ("claims.o", map(&[("a", nested.clone())])),
            ("scopes", MetadataValue::List(vec![text("read")])),
            (
                "{'o': claims.o, 's': 'x', 'n': null}",
                map(&[
                    ("o", map(&[("a", nested)])),
                    ("s", text("x")),
                    ("n", MetadataValue::Null),
                ]),
            ),
        ] {
            assert_eq!(value(expression), Some(expected), "{expression}");
        }
        for expression in [
            "null",
            "claims.absent",
            "b'x'",
            "{1: 2}",
            "1.0 / 0.0",
            "timestamp('2026-01-01T00:00:00Z')",
            "[b'x']",
        ] {
            assert_eq!(value(expression), None, "{expression}");
        }
    }

    #[test]
    fn the_size_and_the_depth_of_a_value_are_bounded() {
        assert_eq!(
            value(&format!("['x']{}", ".map(x, [x, x])".repeat(14))),
            None
        );
        assert_eq!(
            value(&format!("1{}", ".map(x, [x])".repeat(0))),
            Some(MetadataValue::Number(1.0))
        );
        assert_eq!(
            value(&format!("{}1{}", "[".repeat(20), "]".repeat(20))),
            None
        );
        assert!(value(&format!("{}1{}", "[".repeat(16), "]".repeat(16))).is_some());
    }
}
