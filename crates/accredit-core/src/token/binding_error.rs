//! Why the sender of a bound token has not proven possession of its key. For the operator: clients see one text per reason.

use crate::jose::base64url::Base64UrlError;
use crate::jose::json::JsonError;
use crate::jose::jwk::Unusable;
use crate::reason::Reason;

/// Why step 13 fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingError {
    #[error(
        "`cnf` has neither `jkt` nor `x5t#S256`, or it has another member, which accredit cannot check"
    )]
    Unsupported,
    #[error(
        "the token is bound to a client certificate, and the connection has none, or Envoy does not send it \
         (include_peer_certificate)"
    )]
    NoCertificate,
    #[error("the token is bound to a key (`jkt`), and was not sent with the scheme DPoP")]
    BearerScheme,
    #[error("the request has no DPoP proof")]
    MissingProof,
    #[error(
        "the connection has another client certificate than the one that the token is bound to"
    )]
    OtherCertificate,
    #[error("Envoy sent a client certificate that cannot be read")]
    MalformedCertificate,
    #[error("{0}")]
    Proof(#[source] ProofFault),
    #[error("the DPoP proof was used before")]
    Replayed,
    #[error("the memory of used DPoP proofs is full; raise replay.size")]
    MemoryFull,
    #[error(
        "the client's key has used half of the memory of used DPoP proofs, and one key gets no more; raise replay.size"
    )]
    ShareFull,
    #[error("the memory of used DPoP proofs did not answer: {0}")]
    Store(#[source] StoreFault),
}

/// Why a memory of used proofs that replicas share could not use a proof up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    #[error("there is no connection to the server of replay.redis")]
    Unreachable,
    #[error("the server of replay.redis did not answer within the time of the check")]
    TimedOut,
    #[error("too many checks wait for the server of replay.redis")]
    Busy,
    #[error("the server of replay.redis refuses to record proofs; the log has its answer")]
    Refused,
}

/// What is wrong with a DPoP proof (RFC 9449 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    #[error("the request has several DPoP headers")]
    SeveralHeaders,
    #[error("the DPoP proof is longer than 16 KiB")]
    TooLong,
    #[error("the DPoP proof is not a JWT of three parts")]
    Parts,
    #[error("a part of the DPoP proof is not base64url: {0}")]
    NotBase64Url(Base64UrlError),
    #[error("a part of the DPoP proof cannot be read: {0}")]
    NotJson(JsonError),
    #[error("a part of the DPoP proof is not a JSON object")]
    NotAnObject,
    #[error("the header of the DPoP proof has `{0}`, which asks for an extension")]
    Extension(&'static str),
    #[error("`typ` of the DPoP proof is not dpop+jwt")]
    Type,
    #[error(
        "`alg` of the DPoP proof is not a supported signature algorithm, or does not suit its key"
    )]
    Algorithm,
    #[error("`jwk` of the DPoP proof is missing")]
    NoKey,
    #[error("`jwk` of the DPoP proof cannot be used: {0}")]
    UnusableKey(Unusable),
    #[error("`jwk` of the DPoP proof contains a private key")]
    PrivateKey,
    #[error("the DPoP proof is by another key than the one that the token is bound to")]
    OtherKey,
    #[error("the token is not bound to a key, and was sent with the scheme DPoP")]
    NotBound,
    #[error("the signature of the DPoP proof is wrong")]
    Signature,
    #[error("`{0}` of the DPoP proof is missing, or has a wrong type")]
    Claim(&'static str),
    #[error("`htm` of the DPoP proof is not the method of the request")]
    Method,
    #[error("`htu` of the DPoP proof is not the URL of the request as Envoy saw it")]
    Target,
    #[error("`iat` of the DPoP proof is too old")]
    TooOld,
    #[error("`iat` of the DPoP proof is ahead of the clock")]
    AheadOfClock,
    #[error("`ath` of the DPoP proof is not the hash of the token")]
    TokenHash,
}

impl BindingError {
    pub fn reason(self) -> Reason {
        match self {
            BindingError::Unsupported
            | BindingError::NoCertificate
            | BindingError::BearerScheme => Reason::UnprovenBinding,
            BindingError::MissingProof => Reason::MissingProof,
            BindingError::OtherCertificate
            | BindingError::MalformedCertificate
            | BindingError::Proof(_) => Reason::InvalidProof,
            BindingError::Replayed => Reason::ReplayedProof,
            BindingError::MemoryFull | BindingError::ShareFull | BindingError::Store(_) => {
                Reason::InternalError
            }
        }
    }

    /// Whether a client can do better with a DPoP proof, so that the challenge names that scheme (RFC 9449 section 7.1).
    pub fn is_of_dpop(self) -> bool {
        match self {
            BindingError::BearerScheme
            | BindingError::MissingProof
            | BindingError::Proof(_)
            | BindingError::Replayed => true,
            BindingError::Unsupported
            | BindingError::NoCertificate
            | BindingError::OtherCertificate
            | BindingError::MalformedCertificate
            | BindingError::MemoryFull
            | BindingError::ShareFull
            | BindingError::Store(_) => false,
        }
    }
}

impl From<StoreFault> for BindingError {
    fn from(fault: StoreFault) -> BindingError {
        BindingError::Store(fault)
    }
}

impl From<ProofFault> for BindingError {
    fn from(fault: ProofFault) -> BindingError {
        BindingError::Proof(fault)
    }
}
