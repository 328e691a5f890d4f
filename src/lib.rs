//! accredit: the external authorization service that Envoy asks before it forwards a request. `accredit_core` decides; this crate
//! serves.
//!
//! A room imports only rooms below it; `tests/it/house/` checks this:
//!
//! ```text
//! cli/                                commands: arguments in, exit status out
//! app/                                composition root: binds, builds, runs, reloads, drains
//! explain/  console/  import/         explanations; the web console; other tools' configurations
//! envoy/        admin/                the two gRPC protocols
//! observe/                            where each decision is reported
//! deny_list/                          the deny list: loaded, kept current
//! jwks/         server/               key fetching and refreshing; sockets, TLS, drain
//! telemetry/  file_watch.rs  regular_file.rs  supervision.rs  dev_issuer/
//! ```

pub mod admin;
pub mod app;
pub mod cli;
pub mod console;
pub mod deny_list;
pub mod dev_issuer;
pub mod envoy;
pub mod explain;
pub mod file_watch;
pub mod import;
pub mod jwks;
pub mod observe;
pub mod regular_file;
pub mod replay;
pub mod rule_tests;
pub mod server;
pub mod supervision;
pub mod telemetry;
