#![no_main]

use accredit_fuzz::{claims, seed_folder};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(claims::seeds), |input: &[u8]| {
    claims::check(input);
});
