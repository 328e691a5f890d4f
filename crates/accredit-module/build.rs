//! Links the module without `libgcc_s.so.1`, which Envoy's distroless image does not have, and forbids to unload it.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var_os(name).is_some_and(|own| own == value);
    if !(is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu")) {
        return Ok(());
    }
    let out_dir = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this through cargo")?;
    let folder = PathBuf::from(out_dir).join("link");
    fs::create_dir_all(&folder)?;
    // A linker script in place of the shared library: the unwinder becomes a part of the module.
    fs::write(folder.join("libgcc_s.so"), "INPUT(libgcc_eh.a libgcc.a)\n")?;
    println!("cargo:rustc-cdylib-link-arg=-L{}", folder.display());
    // Threads and thread-local variables of the module live as long as the process.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    Ok(())
}
