#![no_main]

use accredit_fuzz::{paths, seed_folder};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(paths::seeds), |input: &[u8]| {
    paths::check(input);
});
