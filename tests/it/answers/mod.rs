//! Every reason, with its whole answer, and the order of reasons where two apply.

pub(crate) mod expected;
pub(crate) mod metadata;
pub(crate) mod order;
pub(crate) mod reasons;
