#![no_main]

use accredit_fuzz::{decision, seed_folder};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(decision::seeds), |input: &[u8]| {
    decision::check(input);
});
