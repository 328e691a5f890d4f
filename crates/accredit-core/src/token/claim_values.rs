//! Values that a claim can be required to have.

use std::ops::Deref;

use foldhash::HashSet;

use crate::token::accepted_texts::MAX_COMPARED;
use crate::token::decimal::Decimal;

/// A value that a claim can be required to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimValue {
    /// Compared character by character.
    Text(String),
    /// Compared by value, exactly.
    Number(Decimal),
    Truth(bool),
}

/// The values in their order. A value is found in constant time in a long list: the author of a rules file chooses the list, and
/// the claim of a token can have thousands of elements to compare with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimValues {
    values: Vec<ClaimValue>,
    /// `None` for a short list.
    index: Option<Box<ClaimValueIndex>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ClaimValueIndex {
    texts: HashSet<Box<str>>,
    numbers: HashSet<Decimal>,
    truths: HashSet<bool>,
}

impl ClaimValues {
    pub(crate) fn has_text(&self, text: &str) -> bool {
        match &self.index {
            Some(index) => index.texts.contains(text),
            None => {
                let mut values = self.values.iter();
                values.any(|own| matches!(own, ClaimValue::Text(own) if own == text))
            }
        }
    }

    pub(crate) fn has_truth(&self, truth: bool) -> bool {
        match &self.index {
            Some(index) => index.truths.contains(&truth),
            None => self.values.contains(&ClaimValue::Truth(truth)),
        }
    }

    pub(crate) fn has_number(&self, number: &Decimal) -> bool {
        match &self.index {
            Some(index) => index.numbers.contains(number),
            None => {
                let mut values = self.values.iter();
                values.any(|own| matches!(own, ClaimValue::Number(own) if own == number))
            }
        }
    }

    /// Whether one of the values is a number.
    pub(crate) fn have_numbers(&self) -> bool {
        match &self.index {
            Some(index) => !index.numbers.is_empty(),
            None => {
                let mut values = self.values.iter();
                values.any(|own| matches!(own, ClaimValue::Number(_)))
            }
        }
    }
}

impl From<Vec<ClaimValue>> for ClaimValues {
    fn from(values: Vec<ClaimValue>) -> ClaimValues {
        let index = (values.len() > MAX_COMPARED).then(|| {
            let mut index = ClaimValueIndex::default();
            for value in &values {
                match value {
                    ClaimValue::Text(text) => {
                        index.texts.insert(text.as_str().into());
                    }
                    ClaimValue::Number(number) => {
                        index.numbers.insert(number.clone());
                    }
                    ClaimValue::Truth(truth) => {
                        index.truths.insert(*truth);
                    }
                }
            }
            Box::new(index)
        });
        ClaimValues { values, index }
    }
}

impl Deref for ClaimValues {
    type Target = [ClaimValue];

    fn deref(&self) -> &[ClaimValue] {
        &self.values
    }
}
