//! The deny list: what it refuses, and how it is loaded.

mod commands;
mod fetched;
mod files;
mod memory;
mod place;
mod refusals;
