#![no_main]

use accredit_fuzz::{key_set, seed_folder};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(key_set::seeds), |input: &[u8]| {
    key_set::check(input);
});
