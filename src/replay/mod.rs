//! The memory of used proofs that replicas share: Redis or Valkey.

pub mod connection;
pub mod error;
pub mod metrics;
pub mod store;
pub mod stream;
