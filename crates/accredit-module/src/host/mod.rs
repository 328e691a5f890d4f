//! The border to Envoy: the declarations of its ABI for dynamic modules, safe wrappers of Envoy's functions, and the functions that
//! Envoy calls. Envoy's pointers are used here only.
//!
//! Each function that Envoy calls ends every panic, because a panic that leaves it would end Envoy. A fault is never an admission.

#![allow(
    unsafe_code,
    reason = "Envoy calls these functions with pointers, and is called with pointers"
)]

pub mod abi;
pub mod callbacks;
pub mod counters;
pub mod envoy_stream;
pub mod guard;
pub mod hooks;
pub mod platform;
pub mod routes;
pub mod scheduler;
pub mod statistics;
pub mod unwinding;
