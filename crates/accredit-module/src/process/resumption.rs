//! Resumes a stream or a configuration that Envoy holds, from the runtime's thread.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Makes Envoy call a hook on the thread that a stream or a configuration belongs to.
pub trait Resume: Send + 'static {
    /// Can be called on any thread.
    fn resume(&self);
}

/// A [`Resume`] that its owner takes back when the stream or the configuration ends: Envoy's thread can end then too,
/// and must not be called any more. Clones share it.
#[derive(Clone)]
pub struct SharedResumption(Arc<Mutex<Option<Box<dyn Resume>>>>);

/// Resumes when it is dropped: also if the task that holds it ends early, as when the runtime has ended.
#[derive(Debug)]
pub struct ResumeAtEnd(pub SharedResumption);

impl SharedResumption {
    pub fn new(resume: Box<dyn Resume>) -> SharedResumption {
        SharedResumption(Arc::new(Mutex::new(Some(resume))))
    }

    /// Resumes now, unless its owner has taken it back.
    pub fn resume(&self) {
        // The lock is held during the call.
        if let Some(resume) = &*self.lock() {
            resume.resume();
        }
    }

    /// After this call returns, nothing is resumed any more, and no call to resume is in progress.
    pub fn end(&self) {
        self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Resume>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ResumeAtEnd {
    fn drop(&mut self) {
        self.0.resume();
    }
}

impl fmt::Debug for SharedResumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedResumption")
    }
}
