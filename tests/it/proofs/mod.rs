//! Bound tokens: DPoP proofs and client certificates.

mod certificates;
mod dpop;
mod explained;
mod place;
mod replays;
