//! Several issuers, and what each of them demands of its tokens and its key set.

pub(crate) mod common;
pub(crate) mod demands;
pub(crate) mod documented;
pub(crate) mod key_sets;
pub(crate) mod names;
pub(crate) mod tenants;
