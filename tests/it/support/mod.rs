//! What the tests are made with.

pub(crate) mod answer;
pub(crate) mod certificates;
pub(crate) mod check_request;
pub(crate) mod eventually;
pub(crate) mod http2;
pub(crate) mod http_get;
pub(crate) mod issuer;
pub(crate) mod keys;
pub(crate) mod otlp;
pub(crate) mod process;
pub(crate) mod raw_call;
pub(crate) mod service;
pub(crate) mod token;
