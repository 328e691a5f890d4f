//! The console: what its pages say, to whom, and what they never say.

mod browser;
mod explain;
mod incident;
mod pages;
mod tail;
