//! A YAML text as a tree in which every value knows its line and column.

pub mod budget;
pub mod builder;
pub mod decode;
pub mod members;
pub mod read;
pub mod scalar;
pub mod tree;
