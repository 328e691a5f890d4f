//! What an operator asks of a running service: what it decides, why it refused, what it would say.

mod agreement;
mod causes;
mod commands;
mod common;
mod explain;
mod following;
mod refusals;
mod tail;
