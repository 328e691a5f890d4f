//! The generated messages and service of `accredit.admin.v1`, and their descriptors.

#![allow(unreachable_pub, unused_qualifications, clippy::all)]

tonic::include_proto!("accredit.admin.v1");

/// The file descriptors for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/admin_descriptor.bin"));
