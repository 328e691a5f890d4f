#![no_main]

use accredit_fuzz::{json, seed_folder};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(json::seeds), |input: &[u8]| {
    json::check(input);
});
