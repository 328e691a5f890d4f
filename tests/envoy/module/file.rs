//! The file of the module: what it needs of a system, and what it exports.

use std::path::Path;
use std::process::Command;

use crate::support::config::acme;
use accredit_test_support::module::file;

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(file()).output();
    let output = output.unwrap_or_else(|error| panic!("{program} (Debian: binutils): {error}"));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Envoy itself needs these libraries of glibc, so that every image with an Envoy has them. Its distroless image has no libgcc_s.
#[test]
fn the_module_needs_only_libraries_that_envoy_needs() {
    let dynamic = output_of("readelf", &["--dynamic", "--wide"]);
    let needed: Vec<&str> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']')))
        .collect();
    assert!(!needed.is_empty());
    for library in needed {
        let is_of_glibc =
            ["libc.so.6", "libm.so.6"].contains(&library) || library.starts_with("ld-linux");
        assert!(is_of_glibc, "{library}");
    }
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
}

/// glibc 2.34 is that of Envoy's images.
#[test]
fn the_module_needs_no_glibc_newer_than_2_34() {
    let symbols = output_of("readelf", &["--version-info", "--wide"]);
    let versions: Vec<u32> = symbols
        .split("GLIBC_2.")
        .skip(1)
        .map(|rest| {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
            rest[..digits].parse().unwrap()
        })
        .collect();
    let newest = versions.iter().max().unwrap();
    assert!(*newest <= 34, "GLIBC_2.{newest}");
}

#[test]
fn the_module_exports_only_hooks_of_envoy() {
    let symbols = output_of("nm", &["--dynamic", "--defined-only"]);
    let exported: Vec<&str> = symbols
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert!(exported.len() > 30, "{exported:?}");
    for symbol in exported {
        assert!(symbol.starts_with("envoy_dynamic_module_on_"), "{symbol}");
    }
}

/// Envoy's functions are looked up when the module is loaded, so that one file runs in several versions.
#[test]
fn the_module_imports_no_function_of_envoy() {
    let symbols = output_of("nm", &["--dynamic", "--undefined-only"]);
    assert!(symbols.contains("dlsym"), "{symbols}");
    assert!(!symbols.contains("envoy_"), "{symbols}");
}

/// The unwinder is a part of the file, so that only the file itself shows that a panic in it is caught.
#[test]
fn a_panic_in_the_file_is_caught_and_refuses_the_request() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("host");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/envoy/module/fake_host.c");
    let mut compile = Command::new("cc");
    compile
        .args(["-rdynamic", "-o"])
        .arg(&program)
        .arg(&source)
        .arg("-ldl");
    assert!(compile.status().unwrap().success());
    let mut host = Command::new(&program);
    let output = host.arg(file()).arg(acme(&[])).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "status 500\nreturned 1\n", "{output:?}");
}
