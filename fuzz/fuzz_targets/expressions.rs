#![no_main]

use std::panic;
use std::time::{Duration, Instant};

use accredit_fuzz::{expressions, seed_folder};

/// A hundred times the 1 ms that an evaluation may take (CONTRACT 3.11.7): instrumented code is slow, and the machine busy. It
/// includes the parser.
const MAX_TIME: Duration = Duration::from_millis(100);

const ATTEMPTS: usize = 5;

fn prepare() {
    seed_folder::write(expressions::seeds);
    // The parser runs in a thread without name, and accredit survives its panics. libFuzzer must not see them.
    let abort = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if std::thread::current().name().is_some() {
            abort(info);
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: prepare(), |input: &[u8]| {
    let is_fast = (0..ATTEMPTS).any(|_| {
        let began = Instant::now();
        expressions::check(input);
        began.elapsed() < MAX_TIME
    });
    assert!(is_fast, "takes over {MAX_TIME:?}");
});
