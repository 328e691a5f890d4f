//! The one program of the module's image: copies the module into a folder, which an init container shares with Envoy.
//!
//! `copy FOLDER` writes FOLDER/libaccredit-VERSION.so. The file appears under its name once it is complete, because Envoy may already look for it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

/// Where the image has the module.
const MODULES: &str = "/modules";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: copy FOLDER");
        return ExitCode::from(2);
    };
    match copy(Path::new(folder)) {
        Ok(files) => {
            for file in files {
                println!("{}", file.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", Path::new(folder).display());
            ExitCode::FAILURE
        }
    }
}

/// Copies every file, and returns the copies.
fn copy(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut copies = Vec::new();
    for entry in fs::read_dir(MODULES)? {
        let entry = entry?;
        let target = folder.join(entry.file_name());
        let unfinished = target.with_extension("new");
        fs::copy(entry.path(), &unfinished)?;
        fs::rename(&unfinished, &target)?;
        copies.push(target);
    }
    if copies.is_empty() {
        return Err(io::Error::other(format!("{MODULES} is empty")));
    }
    Ok(copies)
}
