//! What an operator asks of a running service: what it decides, why it refused, what it would say.

mod agreement;
mod commands;
mod explain;
mod refusals;
mod tail;
