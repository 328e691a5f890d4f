//! `accredit explain`, and `Explain` and `FindRefusals` of the admin API: decisions, step by step.

pub mod example;
pub mod explanation;
pub mod notes;
