//! Reads a YAML text into a tree in which every value has its line and column.

pub mod budget;
pub mod builder;
pub mod decode;
pub mod members;
pub mod read;
pub mod scalar;
pub mod tree;
