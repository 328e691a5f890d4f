//! The admin API, `accredit.admin.v1`, and what probes are told of readiness.

pub mod addr;
pub mod client;
pub mod client_error;
pub mod console;
pub mod convert;
pub mod explains;
pub mod follow;
pub mod pb;
pub mod printable;
pub mod readiness;
pub mod service;
pub mod told;
