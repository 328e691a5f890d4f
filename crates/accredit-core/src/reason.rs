//! The stable codes of decisions (CONTRACT 4.2).

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    Allow,
    Deny,
    /// The rule would deny the request, and admits it until its trial ends (CONTRACT 8.7).
    Shadow,
}

/// Why a request was admitted or denied: the `reason` of metadata, metrics, spans, logs and the tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    Allowed,
    Anonymous,
    ResourceMetadata,
    InvalidRequest,
    MissingToken,
    MalformedToken,
    UnknownIssuer,
    UnsupportedAlgorithm,
    InvalidType,
    UnknownKey,
    InvalidSignature,
    UnprovenBinding,
    MissingProof,
    InvalidProof,
    ReplayedProof,
    Expired,
    NotYetValid,
    InvalidAudience,
    MissingClaim,
    LifetimeTooLong,
    InvalidClaim,
    Revoked,
    InsufficientScope,
    ClaimMismatch,
    ConditionFailed,
    DeniedByRule,
    KeysUnavailable,
    KeyPending,
    Overloaded,
    InternalError,
}

impl Decision {
    /// The code as clients of the admin API and of metrics see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
            Decision::Shadow => "shadow",
        }
    }

    pub fn from_code(code: &str) -> Option<Decision> {
        [Decision::Allow, Decision::Deny, Decision::Shadow]
            .into_iter()
            .find(|decision| decision.as_str() == code)
    }
}

impl Reason {
    /// Every reason: first those of admissions and of the document that accredit answers itself, then those of denials.
    pub const ALL: [Reason; 30] = [
        Reason::Allowed,
        Reason::Anonymous,
        Reason::ResourceMetadata,
        Reason::InvalidRequest,
        Reason::MissingToken,
        Reason::MalformedToken,
        Reason::UnknownIssuer,
        Reason::UnsupportedAlgorithm,
        Reason::InvalidType,
        Reason::UnknownKey,
        Reason::InvalidSignature,
        Reason::UnprovenBinding,
        Reason::MissingProof,
        Reason::InvalidProof,
        Reason::ReplayedProof,
        Reason::Expired,
        Reason::NotYetValid,
        Reason::InvalidAudience,
        Reason::MissingClaim,
        Reason::LifetimeTooLong,
        Reason::InvalidClaim,
        Reason::Revoked,
        Reason::InsufficientScope,
        Reason::ClaimMismatch,
        Reason::ConditionFailed,
        Reason::DeniedByRule,
        Reason::KeysUnavailable,
        Reason::KeyPending,
        Reason::Overloaded,
        Reason::InternalError,
    ];

    /// The stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Allowed => "allowed",
            Reason::Anonymous => "anonymous",
            Reason::ResourceMetadata => "resource_metadata",
            Reason::InvalidRequest => "invalid_request",
            Reason::MissingToken => "missing_token",
            Reason::MalformedToken => "malformed_token",
            Reason::UnknownIssuer => "unknown_issuer",
            Reason::UnsupportedAlgorithm => "unsupported_algorithm",
            Reason::InvalidType => "invalid_type",
            Reason::UnknownKey => "unknown_key",
            Reason::InvalidSignature => "invalid_signature",
            Reason::UnprovenBinding => "unproven_binding",
            Reason::MissingProof => "missing_proof",
            Reason::InvalidProof => "invalid_proof",
            Reason::ReplayedProof => "replayed_proof",
            Reason::Expired => "expired",
            Reason::NotYetValid => "not_yet_valid",
            Reason::InvalidAudience => "invalid_audience",
            Reason::MissingClaim => "missing_claim",
            Reason::LifetimeTooLong => "lifetime_too_long",
            Reason::InvalidClaim => "invalid_claim",
            Reason::Revoked => "revoked",
            Reason::InsufficientScope => "insufficient_scope",
            Reason::ClaimMismatch => "claim_mismatch",
            Reason::ConditionFailed => "condition_failed",
            Reason::DeniedByRule => "denied_by_rule",
            Reason::KeysUnavailable => "keys_unavailable",
            Reason::KeyPending => "key_pending",
            Reason::Overloaded => "overloaded",
            Reason::InternalError => "internal_error",
        }
    }

    pub fn from_code(code: &str) -> Option<Reason> {
        Reason::ALL
            .into_iter()
            .find(|reason| reason.as_str() == code)
    }

    /// The decision that this reason explains.
    pub fn decision(self) -> Decision {
        match self {
            Reason::Allowed | Reason::Anonymous | Reason::ResourceMetadata => Decision::Allow,
            _ => Decision::Deny,
        }
    }

    /// The reasons of denials.
    pub fn denials() -> impl Iterator<Item = Reason> {
        Reason::ALL
            .into_iter()
            .filter(|reason| reason.decision() == Decision::Deny)
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn each_reason_code_belongs_to_one_reason() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.as_str()), Some(reason));
        }
    }
}
