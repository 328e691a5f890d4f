//! The log of the module, which Envoy writes.

use std::sync::{Mutex, PoisonError};

use accredit_module::host::abi::AbiBuffer;

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The text of a buffer of the module.
pub(crate) unsafe fn text(buffer: AbiBuffer) -> String {
    String::from_utf8(unsafe { buffer.bytes() }.to_vec()).unwrap()
}

/// The number of lines of the log that contain this text.
pub(crate) fn logged(text: &str) -> usize {
    logged_with(&[text])
}

/// The number of lines of the log that contain all of these texts.
pub(crate) fn logged_with(texts: &[&str]) -> usize {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    let has_all = |line: &&String| texts.iter().all(|text| line.contains(text));
    log.iter().filter(has_all).count()
}

pub(crate) unsafe extern "C" fn log(_level: u32, line: AbiBuffer) {
    let line = unsafe { text(line) };
    if line.contains("panicked") {
        // The panic hook of the module replaces the one that shows the message.
        eprintln!("{line}");
    }
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    log.push(line);
}
