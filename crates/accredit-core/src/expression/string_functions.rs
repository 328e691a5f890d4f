//! The functions of texts (CONTRACT 3.11.9).

use crate::expression::budget::EvaluationBudget;
use crate::expression::failure::EvaluationFailure;
use crate::expression::operations::mismatch;
use crate::expression::program::Function;
use crate::expression::value::{Evaluated, List, Text, Value};

/// The texts of a list, with the separator between them.
pub fn join<'a>(list: &List<'_>, separator: &str, budget: &mut EvaluationBudget) -> Evaluated<'a> {
    let mut joined = String::new();
    for (index, element) in list.iter().enumerate() {
        match element {
            Value::Text(text) => {
                budget.allocate(text.len() + separator.len())?;
                if index > 0 {
                    joined.push_str(separator);
                }
                joined.push_str(&text);
            }
            other => return Err(mismatch("join", &[&other])),
        }
    }
    Value::built(joined, budget)
}

/// Methods of texts. Positions count characters. `None` if the arguments do not fit.
pub fn string_function<'a>(
    function: Function,
    text: &Text<'a>,
    rest: &[Value<'a>],
    budget: &mut EvaluationBudget,
) -> Option<Evaluated<'a>> {
    Some(match (function, rest) {
        (Function::LowerAscii, []) => Value::built(text.to_ascii_lowercase(), budget),
        (Function::UpperAscii, []) => Value::built(text.to_ascii_uppercase(), budget),
        (Function::Trim, []) => Value::built(text.trim().to_owned(), budget),
        (Function::Split, [Value::Text(separator)]) => split(text, separator, -1, budget),
        (Function::Split, [Value::Text(separator), Value::Int(limit)]) => {
            split(text, separator, *limit, budget)
        }
        (Function::Replace, [Value::Text(from), Value::Text(to)]) => {
            replace(text, from, to, -1, budget)
        }
        (Function::Replace, [Value::Text(from), Value::Text(to), Value::Int(limit)]) => {
            replace(text, from, to, *limit, budget)
        }
        (Function::Substring, [Value::Int(start)]) => substring(text, *start, None, budget),
        (Function::Substring, [Value::Int(start), Value::Int(end)]) => {
            substring(text, *start, Some(*end), budget)
        }
        (Function::IndexOf, [Value::Text(part)]) => index_of(text, part, 0),
        (Function::IndexOf, [Value::Text(part), Value::Int(start)]) => index_of(text, part, *start),
        _ => return None,
    })
}

/// A limit of 0 yields nothing, a negative one everything.
fn split<'a>(
    text: &str,
    separator: &str,
    limit: i64,
    budget: &mut EvaluationBudget,
) -> Evaluated<'a> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut add = |part: &str| {
        budget.allocate(part.len() + size_of::<Value<'_>>())?;
        parts.push(Value::Text(Text::Shared(part.into())));
        Ok::<(), EvaluationFailure>(())
    };
    if limit > 0 && separator.is_empty() {
        let mut rest = text;
        for _ in 1..limit {
            let Some(first) = rest.chars().next() else {
                break;
            };
            let (first, after) = rest.split_at(first.len_utf8());
            add(first)?;
            rest = after;
        }
        if !rest.is_empty() {
            add(rest)?;
        }
    } else if limit > 0 {
        for part in text.splitn(limit, separator) {
            add(part)?;
        }
    }
    Ok(Value::List(List::Built(parts.into())))
}

fn replace<'a>(
    text: &str,
    from: &str,
    to: &str,
    limit: i64,
    budget: &mut EvaluationBudget,
) -> Evaluated<'a> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // What the result needs is known before it is built.
    let found = text.matches(from).take(limit).count();
    let length = text.len() + found.saturating_mul(to.len());
    budget.allocate(length)?;
    Ok(Value::Text(Text::Shared(
        text.replacen(from, to, found).into(),
    )))
}

fn substring<'a>(
    text: &str,
    start: i64,
    end: Option<i64>,
    budget: &mut EvaluationBudget,
) -> Evaluated<'a> {
    const BAD_RANGE: EvaluationFailure =
        EvaluationFailure::Value("a range of `substring` is invalid");
    let byte_of = |position: i64| {
        let position = usize::try_from(position).ok()?;
        let mut places = text
            .char_indices()
            .map(|(place, _)| place)
            .chain([text.len()]);
        places.nth(position)
    };
    let start = byte_of(start).ok_or(BAD_RANGE)?;
    let end = match end {
        Some(end) => byte_of(end).ok_or(BAD_RANGE)?,
        None => text.len(),
    };
    let part = text.get(start..end).ok_or(BAD_RANGE)?;
    Value::built(part.to_owned(), budget)
}

/// -1 if the part is not found.
fn index_of<'a>(text: &str, part: &str, start: i64) -> Evaluated<'a> {
    let first = usize::try_from(start)
        .ok()
        .and_then(|start| {
            let mut places = text
                .char_indices()
                .map(|(place, _)| place)
                .chain([text.len()]);
            places.nth(start)
        })
        .ok_or(EvaluationFailure::Value(
            "a position of `indexOf` is invalid",
        ))?;
    let found = text
        .get(first..)
        .and_then(|rest| rest.find(part))
        .and_then(|place| text.get(..first + place))
        .map_or(-1, |before| before.chars().count() as i64);
    Ok(Value::Int(found))
}
