//! Values that claims must have: `claims` of a rule or of an issuer entry (CONTRACT 3.7.7).

use crate::jose::json::value::{JsonKind, JsonValue};
use crate::token::claim_name::ClaimName;
use crate::token::claim_values::{ClaimValue, ClaimValues};
use crate::token::claims::Claims;
use crate::token::decimal::Decimal;

/// A claim, and the values of which it must have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimDemand {
    pub name: ClaimName,
    /// The claim must equal one of these, or be an array that contains one.
    pub any_of: ClaimValues,
}

/// A claim that does not have a required value. It names the claim, and has no value of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnmetClaim {
    /// The claim is absent or `null`.
    #[error("the token has no claim `{0}`")]
    Absent(ClaimName),
    #[error("the claim `{0}` has none of the required values")]
    OtherValue(ClaimName),
}

impl ClaimDemand {
    /// # Errors
    /// [`UnmetClaim`] if the claim has none of the values.
    pub fn check(&self, claims: &Claims) -> Result<(), UnmetClaim> {
        let Some(value) = self.name.find(claims.object()) else {
            return Err(UnmetClaim::Absent(self.name.clone()));
        };
        let is_met = match value.kind() {
            JsonKind::Array(elements) => elements.iter().any(|one| self.accepts(one)),
            _ => self.accepts(value),
        };
        if is_met {
            Ok(())
        } else {
            Err(UnmetClaim::OtherValue(self.name.clone()))
        }
    }

    /// Whether each token that meets this demand also meets `other`.
    pub fn implies(&self, other: &ClaimDemand) -> bool {
        self.name == other.name
            && self.any_of.iter().all(|value| match value {
                ClaimValue::Text(text) => other.any_of.has_text(text),
                ClaimValue::Number(number) => other.any_of.has_number(number),
                ClaimValue::Truth(truth) => other.any_of.has_truth(*truth),
            })
    }

    /// A measure of what it costs to compare the values with another one.
    pub(crate) fn comparisons(&self) -> usize {
        let texts = self.any_of.iter().map(|value| match value {
            ClaimValue::Text(text) => 1 + text.len() / 32,
            ClaimValue::Number(_) | ClaimValue::Truth(_) => 1,
        });
        texts.sum()
    }

    fn accepts(&self, value: JsonValue<'_>) -> bool {
        match value.kind() {
            JsonKind::String(text) => self.any_of.has_text(text),
            JsonKind::Bool(truth) => self.any_of.has_truth(truth),
            // Parsed once, however many numbers it is compared with.
            JsonKind::Number => {
                self.any_of.have_numbers()
                    && Decimal::parse(value.raw())
                        .is_some_and(|number| self.any_of.has_number(&number))
            }
            JsonKind::Null | JsonKind::Array(_) | JsonKind::Object(_) => false,
        }
    }
}

/// Checks all demands in their order.
///
/// # Errors
/// The first [`UnmetClaim`].
pub fn check_all(demands: &[ClaimDemand], claims: &Claims) -> Result<(), UnmetClaim> {
    demands.iter().try_for_each(|demand| demand.check(claims))
}

#[cfg(test)]
mod tests;
