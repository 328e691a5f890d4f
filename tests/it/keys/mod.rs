//! Keys that come, go, hang and change under the service.

pub(crate) mod absent;
pub(crate) mod awaited;
pub(crate) mod causes;
pub(crate) mod certificates;
pub(crate) mod discovered;
mod doors;
pub(crate) mod exchanged;
pub(crate) mod fetched;
pub(crate) mod kept;
pub(crate) mod leases;
pub(crate) mod left_to_envoy;
pub(crate) mod network;
pub(crate) mod once_more;
pub(crate) mod place;
pub(crate) mod reloaded;
pub(crate) mod sequences;
pub(crate) mod sources;
pub(crate) mod unknown;
pub(crate) mod watched;
