//! JSON Object Signing and Encryption, as far as verifying needs it; knows nothing of tokens or key sets.

pub mod algorithm;
pub mod base64url;
pub mod digest;
pub mod json;
pub mod jwk;
pub mod key;
pub mod pem;
pub mod thumbprint;
