//! The support of these tests alone; what other tests need too is in `crates/test-support`.

pub(crate) mod answers;
pub(crate) mod config;
pub(crate) mod load;
pub(crate) mod logs;
pub(crate) mod lying;
pub(crate) mod panicking;
pub(crate) mod proxy;
pub(crate) mod replica;
pub(crate) mod scene;
pub(crate) mod tls_client;
