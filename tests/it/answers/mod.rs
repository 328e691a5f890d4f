//! Every reason that is due, with all that its answer says, and the order of reasons where two hold.

pub(crate) mod expected;
pub(crate) mod metadata;
pub(crate) mod order;
pub(crate) mod reasons;
