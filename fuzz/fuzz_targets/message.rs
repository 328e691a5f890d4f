#![no_main]

use accredit_fuzz::{message, seed_folder};

libfuzzer_sys::fuzz_target!(init: seed_folder::write(message::seeds), |input: &[u8]| {
    message::check(input);
});
