//! The decision core of accredit. It has no I/O, no clock and no async runtime, so that a gRPC service and an Envoy module
//! can both link it.
//!
//! ```text
//! engine.rs                          builds the authorizer of each configuration
//! authz/     config/                 the decision and its answer; the configuration
//! authn/     rules/                  authentication; what each request requires
//! proof/                             whether a sender has the key that its token is bound to
//! forward/   keys/  revocation/      claim headers; the keys of one issuer entry; the deny list
//! expression/                        CEL
//! token/                             one JWT
//! jose/  request.rs  reason.rs       JSON, algorithms and keys; the request; reason codes
//! trace.rs                           the trace of a check that waits
//! ```

pub mod authn;
pub mod authz;
pub mod config;
pub mod engine;
pub mod expression;
pub mod forward;
pub mod jose;
pub mod keys;
pub mod proof;
pub mod reason;
pub mod request;
pub mod revocation;
pub mod rules;
pub mod token;
pub mod trace;
