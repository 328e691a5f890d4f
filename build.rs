//! Compiles the admin API's messages with protox, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let proto = "proto/accredit/admin/v1/admin.proto";
    println!("cargo:rerun-if-changed={proto}");
    let descriptors = protox::compile([proto], ["proto"])?;
    let out_dir = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through cargo")?;
    let descriptor_file = PathBuf::from(out_dir).join("admin_descriptor.bin");
    fs::write(descriptor_file, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // It holds a token; `admin/convert.rs` says what of it may be shown.
        .skip_debug(["accredit.admin.v1.ExplainRequest"])
        .compile_fds(descriptors)?;
    Ok(())
}
