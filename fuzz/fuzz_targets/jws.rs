#![no_main]

use accredit_fuzz::{jws, seed_folder};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(jws::seeds), |input: &[u8]| {
    jws::check(input);
});
