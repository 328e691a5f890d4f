#![no_main]

use std::panic;
use std::thread;
use std::time::Duration;

use accredit_fuzz::{expressions, seed_folder};

/// The processor time of four evaluations, of which each may take about 1 ms (CONTRACT 3.11.7). Instrumented code takes several
/// times as long.
const MAX_TIME: Duration = Duration::from_millis(80);

const ATTEMPTS: usize = 5;

fn prepare() {
    seed_folder::write(expressions::seeds);
    // The parser runs in another thread, and accredit survives its panics. libFuzzer must not see them.
    let own = thread::current().id();
    let abort = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == own {
            abort(info);
        }
    }));
}

/// The processor time of this thread. The parser has a thread of its own.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

libfuzzer_sys::fuzz_target!(init: prepare(), |input: &[u8]| {
    let is_fast = (0..ATTEMPTS).any(|_| {
        let began = processor_time();
        expressions::check(input);
        processor_time().saturating_sub(began) < MAX_TIME
    });
    assert!(is_fast, "takes over {MAX_TIME:?} each time");
});
