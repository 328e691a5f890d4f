//! The admin API, `accredit.admin.v1`: its service, its client, and the body of `/readyz`.

pub mod addr;
pub mod client;
pub mod client_error;
pub mod convert;
pub mod explains;
pub mod follow;
pub mod guide;
pub mod pb;
pub mod readiness;
pub mod rules;
pub mod service;
pub mod text;
