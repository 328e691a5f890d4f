//! accredit as a dynamic module inside Envoy (CONTRACT 9). `accredit_core` decides; this crate reads the request from Envoy, waits
//! for keys, and tells Envoy the answer.
//!
//! ```text
//! host/      the functions that Envoy calls and those of Envoy that are called; the only unsafe code
//! check/     one request: read, judged, held, admitted or refused
//! process/   what the module has once per process: configurations, keys, log, pages of Envoy's admin
//! ```

pub mod check;
pub mod host;
pub mod process;
