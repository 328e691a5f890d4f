//! Rules of other files: bounded, watched, and kept while they are invalid (CONTRACT 3.13).

mod bounds;
mod commands;
mod kept;
mod place;
mod watched;
