//! accredit: the service an Envoy proxy asks before it lets a request through.
//!
//! The map of the house; an import only ever falls (`tests/it/house/` keeps it so):
//!
//! ```text
//! cli/                                the commands
//! app/                                the composition root
//! console/                            the web console
//! envoy/            admin/            the two protocols
//! authz/            config/           the decision, the settings
//! authn/  rules/    forward/          who is it, may they, claim headers for the upstream
//! token/            jwks/             one JWT, the keys of one issuer
//! jose/  request.rs  regular_file.rs  file_watch.rs  server/  telemetry/  dev_issuer/
//! ```

pub mod admin;
pub mod app;
pub mod cli;
pub mod console;
pub mod dev_issuer;
pub mod envoy;
pub mod explain;
pub mod file_watch;
pub mod jwks;
pub mod observe;
pub mod regular_file;
pub mod server;
pub mod telemetry;
