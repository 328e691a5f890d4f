//! Proof of possession: whether the sender of a bound token has the key or the certificate that the token is bound to.

pub mod certificate;
pub mod dpop;
pub mod presentation;
pub mod redis_url;
pub mod replay;
pub mod shared_proof;
pub mod target;
