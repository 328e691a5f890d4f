//! One request: read from the stream, judged, held while keys are fetched, admitted or refused.

pub mod fault;

pub mod http_stream;
pub mod incoming;
pub mod metadata;
pub mod pending;
pub mod request_check;
