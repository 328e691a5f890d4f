//! Compiles the admin API's messages with protox, so that no `protoc` is needed, and finds out the commit that is built.

use std::{env, error::Error, fs, path::Path, path::PathBuf, process::Command};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let proto = "proto/accredit/admin/v1/admin.proto";
    println!("cargo:rerun-if-changed={proto}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=ACCREDIT_COMMIT");
    println!(
        "cargo:rustc-env=ACCREDIT_COMMIT={}",
        commit().as_deref().unwrap_or("unknown")
    );
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

/// The first 12 digits of the commit: of the variable `ACCREDIT_COMMIT`, for builds without a repository (from an archive, or in
/// a container), or else of the repository. A debug build does not look into the repository: it would be compiled again after
/// each commit.
fn commit() -> Option<String> {
    let stated = variable("ACCREDIT_COMMIT").and_then(shortened);
    let is_release = variable("PROFILE").is_some_and(|profile| profile == "release");
    stated.or_else(|| is_release.then(commit_of_repository).flatten())
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name)?.into_string().ok()
}

fn commit_of_repository() -> Option<String> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?);
    let top = git(&folder, &["rev-parse", "--show-toplevel"])?;
    // The source can be an archive that was unpacked inside another repository.
    if fs::canonicalize(top).ok()? != fs::canonicalize(&folder).ok()? {
        return None;
    }
    // Both change with each commit and checkout. A missing file would cause a build each time.
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&folder, &["rev-parse", "--git-path", file])?;
        if folder.join(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    shortened(git(&folder, &["rev-parse", "HEAD"])?)
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// `None` if it is no commit.
fn shortened(commit: String) -> Option<String> {
    let is_commit = commit.len() >= 7 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| commit.chars().take(12).collect())
}
