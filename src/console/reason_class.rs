//! The colour of each reason. Reasons with the same kind of cause have one colour in several shades, so that a colour means the
//! same thing in every incident.

use accredit_core::reason::Reason;

/// The class and the shade, as the style sheet names them.
pub fn colour(reason: Reason) -> &'static str {
    match reason {
        Reason::Allowed => "colour-allowed shade-1",
        Reason::Anonymous => "colour-allowed shade-3",
        Reason::ResourceMetadata => "colour-allowed shade-5",
        // The client sent no token, or an ambiguous request.
        Reason::MissingToken => "colour-request shade-1",
        Reason::InvalidRequest => "colour-request shade-2",
        // The token needs a proof with each request.
        Reason::MissingProof => "colour-request shade-3",
        Reason::InvalidProof => "colour-request shade-4",
        Reason::ReplayedProof => "colour-request shade-5",
        // The token is not one of the issuer for this API, or is forged.
        Reason::InvalidSignature => "colour-forged shade-1",
        Reason::UnknownKey => "colour-forged shade-2",
        Reason::UnknownIssuer => "colour-forged shade-3",
        Reason::MalformedToken => "colour-forged shade-4",
        Reason::UnsupportedAlgorithm | Reason::InvalidType | Reason::UnprovenBinding => {
            "colour-forged shade-5"
        }
        // The token was good before, or will be.
        Reason::Expired => "colour-time shade-1",
        Reason::NotYetValid => "colour-time shade-2",
        Reason::LifetimeTooLong => "colour-time shade-3",
        Reason::Revoked => "colour-time shade-4",
        // The token is good, and not for this API.
        Reason::InvalidAudience => "colour-claims shade-1",
        Reason::MissingClaim => "colour-claims shade-2",
        Reason::InvalidClaim => "colour-claims shade-3",
        // A rule refuses a verified token, or every request.
        Reason::InsufficientScope => "colour-rule shade-1",
        Reason::ClaimMismatch => "colour-rule shade-2",
        Reason::ConditionFailed => "colour-rule shade-3",
        Reason::DeniedByRule => "colour-rule shade-4",
        // accredit or the issuer is the cause (503).
        Reason::KeysUnavailable => "colour-unavailable shade-1",
        Reason::KeyPending => "colour-unavailable shade-2",
        Reason::Overloaded => "colour-unavailable shade-3",
        Reason::InternalError => "colour-unavailable shade-4",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use accredit_core::reason::Reason;

    use super::colour;

    #[test]
    fn each_class_of_reasons_has_one_colour_that_the_style_sheet_defines() {
        let style = include_str!("assets/style.css");
        let mut reasons: BTreeMap<&str, Vec<Reason>> = BTreeMap::new();
        for reason in Reason::ALL {
            for class in colour(reason).split(' ') {
                assert!(style.contains(&format!(".{class} {{")), "{class}");
            }
            reasons.entry(colour(reason)).or_default().push(reason);
        }
        let shared: Vec<_> = reasons.values().filter(|same| same.len() > 1).collect();
        let rare = [
            Reason::UnsupportedAlgorithm,
            Reason::InvalidType,
            Reason::UnprovenBinding,
        ];
        assert_eq!(shared, [&rare.to_vec()]);
    }
}
