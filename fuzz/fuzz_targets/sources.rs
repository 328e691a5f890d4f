#![no_main]

use accredit_fuzz::{seed_folder, sources};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(sources::seeds), |input: &[u8]| {
    sources::check(input);
});
