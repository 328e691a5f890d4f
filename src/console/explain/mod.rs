//! Explaining a token on the console: the form, and the page that answers it.

pub mod form;
pub mod page;
pub mod secrets;
