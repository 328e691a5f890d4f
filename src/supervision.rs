//! Tasks that go on after a panic: a task that ends unnoticed would leave keys, a deny list, a connection or a configuration as they
//! are for good.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

/// The delay before a task that panicked begins again. What panics at once must not occupy a thread or fill the log.
const RESTART_DELAY: Duration = Duration::from_secs(5);

/// Runs a task that never ends, and runs it again after each panic. `state` is what it goes on with; the task must begin in a way
/// that is right whatever an earlier run left there. The log of a panic has its place; `task` says which task it was.
pub async fn keep_running<T: Send>(
    task: &'static str,
    state: &mut T,
    run: for<'a> fn(&'a mut T) -> BoxFuture<'a, Infallible>,
) -> Infallible {
    loop {
        match AssertUnwindSafe(run(state)).catch_unwind().await {
            Ok(never) => match never {},
            Err(payload) => discard(payload),
        }
        tracing::error!(task, retry_in = ?RESTART_DELAY, "a task panicked; it begins again");
        tokio::time::sleep(RESTART_DELAY).await;
    }
}

/// Drops the payload of a panic. A payload whose destructor panics too is left in memory: nothing may panic where a panic is caught.
pub fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::task::JoinSet;
    use tokio::time::Instant;

    use super::{RESTART_DELAY, discard, keep_running};

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }

    #[test]
    fn the_payload_of_a_panic_is_dropped_and_its_destructor_may_panic() {
        let counted = Arc::new(());
        discard(Box::new(counted.clone()));
        assert_eq!(Arc::strong_count(&counted), 1);
        discard(Box::new(PanicsWhenDropped));
    }

    struct Runs {
        number: usize,
        begun: UnboundedSender<usize>,
    }

    async fn run(runs: &mut Runs) -> Infallible {
        runs.number += 1;
        runs.begun.send(runs.number).unwrap();
        if runs.number == 2 {
            // Both before the first wait and after it.
            tokio::task::yield_now().await;
        }
        assert!(runs.number > 2, "on purpose");
        std::future::pending().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_begins_again_with_its_state() {
        let (begun, mut begins) = unbounded_channel();
        let mut runs = Runs { number: 0, begun };
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            match keep_running("test", &mut runs, |runs| run(runs).boxed()).await {}
        });
        for number in 1..=3 {
            assert_eq!(begins.recv().await, Some(number));
        }
        assert_eq!(started.elapsed(), 2 * RESTART_DELAY);
        // It ends with its owner only.
        assert!(tasks.try_join_next().is_none());
        tasks.shutdown().await;
    }
}
