#![no_main]

use accredit_fuzz::{configuration, seed_folder};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(configuration::seeds), |input: &[u8]| {
    configuration::check(input);
});
