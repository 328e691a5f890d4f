//! `accredit test`: runs test cases against a configuration, with the code that decides checks.

pub mod case;
pub mod keys;
pub mod report;
pub mod runner;
