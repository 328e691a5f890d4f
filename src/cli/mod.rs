//! The commands: what was typed, to what is done, to an exit code.

pub mod check;
pub mod command;
pub mod dev;
pub mod exit;
pub mod explain;
pub mod render;
pub mod run;
pub mod schema;
pub mod serve;
pub mod settings;
pub mod watch;
