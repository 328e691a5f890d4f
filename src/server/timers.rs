//! The timers that a connection has as long as it is open, and the thread that runs them.
//!
//! A thread that has a timer sets it in the kernel whenever it waits, and removes it when it is woken. Under moderate load a thread of
//! checks waits once for each check.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};

/// The thread that runs the timers of the connections of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerThread {
    /// The thread of the connection.
    Connection,
    /// The thread that accepts the connections of the port. Its runtime must end after the connections: a timer without its runtime
    /// panics.
    Port,
}

/// Starts the timers of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers(Option<Handle>);

impl Timers {
    /// Timers that run on the thread of the caller, whatever thread starts them.
    pub(crate) fn of_this_thread() -> Self {
        Self(Some(Handle::current()))
    }

    pub(crate) fn sleep(&self, time: Duration) -> Sleep {
        let _runtime = self.0.as_ref().map(Handle::enter);
        sleep(time)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::runtime::Builder;

    use super::Timers;

    #[tokio::test]
    async fn a_thread_without_timers_of_its_own_waits_for_those_of_another() {
        let timers = Timers::of_this_thread();
        let waited = tokio::task::spawn_blocking(move || {
            let without_timers = Builder::new_current_thread().build().unwrap();
            without_timers.block_on(async { timers.sleep(Duration::from_millis(1)).await });
        });
        waited.await.unwrap();
    }
}
