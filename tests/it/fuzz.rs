//! The properties of the fuzz targets (`fuzz/`), on the first inputs of each target and on mutations of them.

use properties::choices::Choices;
use properties::{
    claims, configuration, decision, expressions, json, jws, key_set, message, paths, sources,
};

#[path = "../../fuzz/src/lib.rs"]
#[allow(
    unreachable_pub,
    dead_code,
    reason = "the same files are a crate of their own in fuzz/"
)]
mod properties;

/// The number of mutations of the seeds of a target.
const MUTATIONS: usize = 3_000;

const WORDS: &[&str] = &[
    "\"", "{", "}", "[", "]", ",", ":", ".", "/", "%", ";", "0", "1", "a", "\n", "null", "\\u0061",
];

fn run(check: fn(&[u8]) -> bool, seeds: Vec<Vec<u8>>) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut accepted = seeds.iter().filter(|seed| check(seed)).count();
    let mut refused = seeds.len() - accepted;
    for number in 0..MUTATIONS {
        let mut input = seeds[number % seeds.len()].clone();
        let choices: Vec<u8> = (0..8).flat_map(|_| random()).collect();
        Choices::new(&choices).edit(&mut input, WORDS);
        match check(&input) {
            true => accepted += 1,
            false => refused += 1,
        }
    }
    assert!(
        accepted > 20 && refused > 20,
        "{accepted} accepted, {refused} refused"
    );
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                run(super::$target::check, super::$target::seeds());
            }
        )*
    };
}

mod the_property_holds_for {
    use super::run;

    targets!(claims configuration decision expressions json jws key_set message paths sources);
}

#[test]
fn every_example_is_mutated() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).expect("the examples");
    let names = files.map(|file| file.expect("an example").file_name());
    let count = names
        .filter(|name| name.to_string_lossy().ends_with(".yaml"))
        .count();
    assert_eq!(configuration::EXAMPLES.len(), count);
}

#[test]
fn every_target_is_run_here() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let files = std::fs::read_dir(folder).expect("the targets");
    let mut names: Vec<String> = files
        .map(|file| {
            file.expect("a target")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    let own = [
        "claims",
        "configuration",
        "decision",
        "expressions",
        "json",
        "jws",
        "key_set",
        "message",
        "paths",
        "sources",
    ];
    assert_eq!(names, own.map(|name| format!("{name}.rs")));
}
