//! Keys that come, go, hang and change under the service.

pub(crate) mod absent;
pub(crate) mod fetched;
pub(crate) mod once_more;
pub(crate) mod place;
pub(crate) mod sources;
pub(crate) mod unknown;
