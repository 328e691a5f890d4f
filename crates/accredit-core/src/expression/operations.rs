//! The operators of CEL.

use std::cmp::Ordering;

use crate::expression::budget::EvaluationBudget;
use crate::expression::failure::EvaluationFailure;
use crate::expression::program::Operator;
use crate::expression::time;
use crate::expression::value::{List, Map, Text, Value};

const OVERFLOW: EvaluationFailure = EvaluationFailure::Value("a number is out of range");
const BY_ZERO: EvaluationFailure = EvaluationFailure::Value("a division by zero");

/// The failure of an operation that is not defined for operands of these types.
pub fn mismatch(operation: &'static str, operands: &[&Value<'_>]) -> EvaluationFailure {
    let types: Vec<_> = operands.iter().map(|operand| operand.type_name()).collect();
    EvaluationFailure::Type {
        operation,
        operands: types.join(" and "),
    }
}

/// Whether two values are equal. Numbers compare by value, whatever their types; values of other different types are not
/// equal.
///
/// # Errors
/// [`EvaluationFailure::BudgetExceeded`]
pub fn equal(
    left: &Value<'_>,
    right: &Value<'_>,
    budget: &mut EvaluationBudget,
) -> Result<bool, EvaluationFailure> {
    budget.spend(1)?;
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => {
            left.len() == right.len() && {
                budget.spend_reading(left.len())?;
                **left == **right
            }
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.spend_reading(left.len())?;
            left == right
        }
        (Value::List(left), Value::List(right)) => equal_lists(left, right, budget)?,
        (Value::Map(left), Value::Map(right)) => equal_maps(left, right, budget)?,
        (Value::Timestamp(left), Value::Timestamp(right)) => left == right,
        (Value::Duration(left), Value::Duration(right)) => left == right,
        (Value::Type(left), Value::Type(right)) => left == right,
        (Value::Network(left), Value::Network(right)) => left == right,
        (left, right) => compare_numbers(left, right).flatten() == Some(Ordering::Equal),
    })
}

fn equal_lists(
    left: &List<'_>,
    right: &List<'_>,
    budget: &mut EvaluationBudget,
) -> Result<bool, EvaluationFailure> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right.iter()) {
        if !equal(&left, &right, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps(
    left: &Map<'_>,
    right: &Map<'_>,
    budget: &mut EvaluationBudget,
) -> Result<bool, EvaluationFailure> {
    budget.spend(1 + (left.width() + right.width()) / 8)?;
    if left.len() != right.len() {
        return Ok(false);
    }
    for key in left.keys(budget)? {
        let values = (lookup(left, &key, budget)?, lookup(right, &key, budget)?);
        let (Some(left), Some(right)) = values else {
            return Ok(false);
        };
        if !equal(&left, &right, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The value of a key.
///
/// # Errors
/// [`EvaluationFailure::BudgetExceeded`], or a key of a type that no map has.
pub fn lookup<'a>(
    map: &Map<'a>,
    key: &Value<'_>,
    budget: &mut EvaluationBudget,
) -> Result<Option<Value<'a>>, EvaluationFailure> {
    match (map, key) {
        (_, Value::Text(name)) => map.get(name, budget),
        (
            Map::Built(members),
            Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_),
        ) => {
            for (own, value) in &**members {
                if equal(own, key, budget)? {
                    return Ok(Some(value.clone()));
                }
            }
            Ok(None)
        }
        (_, Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Double(_)) => Ok(None),
        (_, other) => Err(mismatch("a key", &[other])),
    }
}

/// `value in container`
///
/// # Errors
/// [`EvaluationFailure`]
pub fn contains(
    container: &Value<'_>,
    value: &Value<'_>,
    budget: &mut EvaluationBudget,
) -> Result<bool, EvaluationFailure> {
    match container {
        Value::List(list) => {
            for element in list.iter() {
                if equal(&element, value, budget)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(map) => lookup(map, value, budget).map(|found| found.is_some()),
        other => Err(mismatch("`in`", &[value, other])),
    }
}

/// `<`, `<=`, `>`, `>=`
///
/// # Errors
/// [`EvaluationFailure`]
pub fn compare(
    operator: Operator,
    left: &Value<'_>,
    right: &Value<'_>,
    budget: &mut EvaluationBudget,
) -> Result<bool, EvaluationFailure> {
    let order = match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => {
            budget.spend_reading(left.len().min(right.len()))?;
            Some((**left).cmp(&**right))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.spend_reading(left.len().min(right.len()))?;
            Some(left.cmp(right))
        }
        (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (Value::Duration(left), Value::Duration(right)) => Some(left.cmp(right)),
        (left, right) => compare_numbers(left, right)
            .ok_or_else(|| mismatch(operator.symbol(), &[left, right]))?,
    };
    // Nothing is less or greater than NaN.
    Ok(order.is_some_and(|order| match operator {
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// `None` if one of them is no number, `Some(None)` if one of them is NaN.
fn compare_numbers(left: &Value<'_>, right: &Value<'_>) -> Option<Option<Ordering>> {
    Some(match (left, right) {
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Double(left), right) => {
            compare_with_double(integer(right)?, *left).map(Ordering::reverse)
        }
        (left, Value::Double(right)) => compare_with_double(integer(left)?, *right),
        (left, right) => Some(integer(left)?.cmp(&integer(right)?)),
    })
}

fn integer(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Int(number) => Some((*number).into()),
        Value::Uint(number) => Some((*number).into()),
        _ => None,
    }
}

/// Compares exactly: a conversion to double would make 2^53 + 1 equal to 2^53.
fn compare_with_double(integer: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // Saturates; every integer here has at most 65 bits.
    let whole = double.trunc() as i128;
    Some(integer.cmp(&whole).then_with(|| {
        0.0_f64
            .partial_cmp(&double.fract())
            .unwrap_or(Ordering::Equal)
    }))
}

/// The value of an index.
pub fn whole_number(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Uint(number) => i64::try_from(*number).ok(),
        Value::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(*number as i64)
        }
        _ => None,
    }
}

/// Unary `-`.
///
/// # Errors
/// [`EvaluationFailure`]
pub fn negate<'a>(value: &Value<'a>) -> Result<Value<'a>, EvaluationFailure> {
    match value {
        Value::Int(number) => number.checked_neg().map(Value::Int).ok_or(OVERFLOW),
        Value::Double(number) => Ok(Value::Double(-number)),
        Value::Duration(duration) => Ok(Value::Duration(-*duration)),
        other => Err(mismatch("`-`", &[other])),
    }
}

/// `+`, `-`, `*`, `/`, `%`
///
/// # Errors
/// [`EvaluationFailure`]
pub fn arithmetic<'a>(
    operator: Operator,
    left: &Value<'a>,
    right: &Value<'a>,
    budget: &mut EvaluationBudget,
) -> Result<Value<'a>, EvaluationFailure> {
    let undefined = || mismatch(operator.symbol(), &[left, right]);
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => {
            let (left, right) = (*left, *right);
            match operator {
                Operator::Add => left.checked_add(right),
                Operator::Subtract => left.checked_sub(right),
                Operator::Multiply => left.checked_mul(right),
                _ if right == 0 => return Err(BY_ZERO),
                Operator::Divide => left.checked_div(right),
                _ => left.checked_rem(right),
            }
            .map(Value::Int)
            .ok_or(OVERFLOW)
        }
        (Value::Uint(left), Value::Uint(right)) => {
            let (left, right) = (*left, *right);
            match operator {
                Operator::Add => left.checked_add(right),
                Operator::Subtract => left.checked_sub(right),
                Operator::Multiply => left.checked_mul(right),
                _ if right == 0 => return Err(BY_ZERO),
                Operator::Divide => left.checked_div(right),
                _ => left.checked_rem(right),
            }
            .map(Value::Uint)
            .ok_or(OVERFLOW)
        }
        (Value::Double(left), Value::Double(right)) => Ok(Value::Double(match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            _ => return Err(undefined()),
        })),
        (Value::Text(left), Value::Text(right)) if operator == Operator::Add => {
            budget.allocate(left.len() + right.len())?;
            Ok(Value::Text(Text::Shared(
                format!("{}{}", &**left, &**right).into(),
            )))
        }
        (Value::Bytes(left), Value::Bytes(right)) if operator == Operator::Add => {
            budget.allocate(left.len() + right.len())?;
            Ok(Value::Bytes([&**left, &**right].concat().into()))
        }
        (Value::List(left), Value::List(right)) if operator == Operator::Add => {
            let count = left.len() + right.len();
            budget.allocate(count * size_of::<Value<'_>>())?;
            Ok(Value::List(List::Built(
                left.iter().chain(right.iter()).collect(),
            )))
        }
        _ => time::arithmetic(operator, left, right).unwrap_or_else(|| Err(undefined())),
    }
}
