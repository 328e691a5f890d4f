//! The command line interface: one file per command, from flags to an exit status.

pub mod admin;
pub mod check;
pub mod columns;
pub mod command;
pub mod completions;
pub mod decision_line;
pub mod dev;
pub mod exit;
pub mod explain;
pub mod help;
pub mod import;
pub mod key_table;
pub mod keys;
pub mod paint;
pub mod problem_report;
pub mod render;
pub mod rule_test;
pub mod run;
pub mod schema;
pub mod serve;
pub mod settings;
pub mod tail;
pub mod watch;
