//! Finds the class of a difference between accredit and a library. A difference without a class is a fault of accredit, or
//! a reason that is not stated yet.

use super::class::Class;
use super::judges::{Judged, Library};
use super::laxer::{self, OBJECTIONS};
use super::stricter::{self, REFUSALS};

/// Every class.
pub(super) fn classes() -> impl Iterator<Item = &'static Class> {
    laxer::CLASSES.iter().chain(stricter::CLASSES)
}

/// The class of the difference between accredit and this library. `None` if they agree.
///
/// # Errors
/// A description, if the difference belongs to no class.
pub(super) fn classify(
    judged: &Judged,
    library: Library,
) -> Result<Option<&'static Class>, String> {
    let traits = judged.case.traits();
    let has_one = |wanted: &[&str]| wanted.iter().any(|own| traits.contains(own));
    let accredit = &judged.accredit;
    let error = judged.of(library).error.as_deref();
    let name = match (accredit.is_admission(), error) {
        (true, None) | (false, Some(_)) => return Ok(None),
        (false, None) => {
            let refusal = REFUSALS.iter().find(|refusal| {
                accredit.reason == refusal.reason
                    && accredit.cause.contains(refusal.cause)
                    && (refusal.traits.is_empty() || has_one(refusal.traits))
            });
            refusal.map(|refusal| refusal.class)
        }
        (true, Some(error)) => {
            let objection = OBJECTIONS.iter().find(|objection| {
                objection.library == library
                    && error.contains(objection.error)
                    && has_one(objection.traits)
            });
            objection.map(|objection| objection.class)
        }
    };
    let name = name.ok_or_else(|| describe(judged))?;
    let class = classes().find(|class| class.name == name);
    Ok(Some(class.unwrap_or_else(|| panic!("{name} is no class"))))
}

fn describe(judged: &Judged) -> String {
    let of = |library| {
        let error = judged.of(library).error.as_deref();
        error.unwrap_or("accepts").to_owned()
    };
    format!(
        "{}: accredit: {} ({}); jose: {}; joserfc: {}",
        judged.case.name(),
        judged.accredit.reason,
        judged.accredit.cause,
        of(Library::Jose),
        of(Library::Joserfc)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::classify;
    use crate::oracle::judges::{Decision, Judged, Library};

    /// A token with these traits, that accredit decides for this reason and jose for this error.
    fn judged(traits: Value, reason: &'static str, error: Option<&str>) -> Judged {
        let case = json!({
            "number": 1, "algorithm": "ES256", "issuer": "https://issuer.example", "mutations": traits,
            "edge": false, "token": "",
        });
        let accredit = Decision {
            reason,
            cause: String::new(),
        };
        let verdict = |error| serde_json::from_value(json!({ "error": error })).unwrap();
        let case = serde_json::from_value(case).unwrap();
        Judged::new(case, accredit, verdict(error), verdict(None))
    }

    #[test]
    fn a_difference_needs_a_class_of_its_own_kind_of_token() {
        let number = "ERR_JWT_CLAIM_VALIDATION_FAILED: \"nbf\" claim must be a number";
        let name = |judged: &Judged| {
            let class = classify(judged, Library::Jose);
            class.map(|class| class.map(|class| class.name))
        };
        let explained = judged(json!(["nbf-null"]), "allowed", Some(number));
        assert_eq!(name(&explained), Ok(Some("absent members")));
        for (traits, reason, error) in [
            (json!(["nbf-text"]), "allowed", Some(number)),
            (json!(["nbf-null"]), "allowed", Some("ERR_JWT_EXPIRED")),
            (json!([]), "invalid_signature", None),
            (json!(["exp-past"]), "expired", None),
        ] {
            let judged = judged(traits.clone(), reason, error);
            assert!(name(&judged).is_err(), "{traits} {reason} {error:?}");
        }
        let agreed = judged(json!([]), "expired", Some("ERR_JWT_EXPIRED"));
        assert_eq!(name(&agreed), Ok(None));
    }
}
