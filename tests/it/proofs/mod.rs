//! Bound tokens: DPoP proofs and client certificates.

mod certificates;
mod dpop;
mod explained;
mod place;
mod redis;
mod replays;
mod replicas;
mod shared;
mod shared_faults;
