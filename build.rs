//! Compiles the admin API's messages with protox, so that no `protoc` is needed.

use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let proto = "proto/accredit/admin/v1/admin.proto";
    println!("cargo:rerun-if-changed={proto}");
    let descriptors = protox::compile([proto], ["proto"])?;
    let out_dir = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through cargo")?;
    let descriptor_file = PathBuf::from(out_dir).join("admin_descriptor.bin");
    tonic_prost_build::configure()
        .file_descriptor_set_path(descriptor_file)
        .compile_fds(descriptors)?;
    Ok(())
}
