//! `claims` of a rule or of an issuer entry.

use crate::config::claims_document::{ClaimValueDocument, ClaimValuesDocument, ClaimsDocument};
use crate::config::one_or_many::ClaimNameDocument;
use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::exact::exact;
use crate::config::resolve::headers::claim_name;
use crate::token::claim_demand::ClaimDemand;
use crate::token::claim_values::{ClaimValue, ClaimValues};
use crate::token::decimal::{Decimal, MAX_EXACT_INTEGER};

/// The demands of `claims` (CONTRACT 3.7.7). If all values of a demand are bad, the demand has no values, and no claim meets it.
pub fn claim_demands(
    parent: &str,
    document: Option<&ClaimsDocument>,
    problems: &mut Problems,
) -> Vec<ClaimDemand> {
    let key = path::member(parent, "claims");
    let mut demands = Vec::new();
    match document {
        None => {}
        Some(ClaimsDocument::ByName(members)) => {
            for (text, values) in &members.0 {
                let key = path::member(&key, text);
                let name = claim_name(&key, &ClaimNameDocument::Dotted(text.clone()), problems);
                let key_of = |number| match values {
                    ClaimValuesDocument::One(_) => key.clone(),
                    ClaimValuesDocument::Many(_) => path::item(&key, number),
                };
                let any_of = claim_values(values.as_slice(), key_of, problems);
                demands.extend(name.map(|name| ClaimDemand { name, any_of }));
            }
        }
        Some(ClaimsDocument::Listed(listed)) => {
            for (number, demand) in listed.iter().enumerate() {
                let key = path::item(&key, number);
                let name = claim_name(&path::member(&key, "claim"), &demand.claim, problems);
                let values_key = path::member(&key, "any_of");
                let key_of = |number| path::item(&values_key, number);
                let any_of = claim_values(&demand.any_of, key_of, problems);
                demands.extend(name.map(|name| ClaimDemand { name, any_of }));
            }
        }
    }
    demands
}

fn claim_values(
    values: &[ClaimValueDocument],
    key_of: impl Fn(usize) -> String,
    problems: &mut Problems,
) -> ClaimValues {
    let values = values.iter().enumerate();
    let values: Vec<ClaimValue> = values
        .filter_map(|(number, value)| claim_value(&key_of(number), value, problems))
        .collect();
    values.into()
}

fn claim_value(
    key: &str,
    value: &ClaimValueDocument,
    problems: &mut Problems,
) -> Option<ClaimValue> {
    match value {
        ClaimValueDocument::Text(text) => {
            exact(key, text, problems).then(|| ClaimValue::Text(text.clone()))
        }
        ClaimValueDocument::Truth(truth) => Some(ClaimValue::Truth(*truth)),
        ClaimValueDocument::Whole(number) => Some(ClaimValue::Number((*number).into())),
        ClaimValueDocument::Fraction(text) => {
            let is_exact = text
                .parse()
                .is_ok_and(|number: f64| number.abs() < MAX_EXACT_INTEGER);
            let number = Decimal::parse(text).filter(|_| is_exact);
            if number.is_none() {
                problems.error(
                    key,
                    "this number cannot be compared exactly",
                    "write a whole number of 64 bits, or a number with a fraction below 2^53; a string needs quotes",
                );
            }
            number.map(ClaimValue::Number)
        }
    }
}
