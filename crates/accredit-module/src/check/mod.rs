//! The check of one request: reading the stream, judging, waiting for keys, and the admission or denial.

pub mod fault;
pub mod http_stream;
pub mod incoming;
pub mod metadata;
pub mod pending;
pub mod request_check;
pub mod stream_answer;
