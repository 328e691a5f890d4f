//! Tasks on worker threads: where they run, and what becomes of them.

use std::collections::BTreeMap;
use std::future::pending;

use tokio::sync::oneshot;

use super::*;

fn workers(count: usize) -> Workers {
    Workers::start(NonZeroUsize::new(count).unwrap()).unwrap()
}

#[tokio::test]
async fn tasks_spread_over_the_workers() {
    let workers = workers(3);
    let mut seen = BTreeMap::new();
    for _ in 0..6 {
        let (name, told) = oneshot::channel();
        let task = async move {
            name.send(thread::current().name().unwrap().to_owned())
                .unwrap();
            pending::<()>().await;
        };
        workers.spawn(task).unwrap();
        *seen.entry(told.await.unwrap()).or_insert(0) += 1;
    }
    let expected = [("worker-0", 2), ("worker-1", 2), ("worker-2", 2)];
    assert!(
        seen.iter()
            .map(|(name, count)| (name.as_str(), *count))
            .eq(expected)
    );
}

#[tokio::test]
async fn shutdown_breaks_tasks_off() {
    let workers = workers(1);
    let (kept, dropped) = oneshot::channel::<()>();
    let task = async move {
        let _kept = kept;
        pending::<()>().await;
    };
    workers.spawn(task).unwrap();
    workers.shutdown().unwrap();
    assert!(dropped.await.is_err());
}

#[tokio::test]
async fn a_panic_in_a_task_costs_that_task_alone() {
    let workers = workers(1);
    workers.spawn(async { panic!("on purpose") }).unwrap();
    let (done, told) = oneshot::channel();
    workers.spawn(async { done.send(()).unwrap() }).unwrap();
    told.await.unwrap();
    workers.shutdown().unwrap();
}

#[tokio::test]
async fn a_thread_that_panics_is_reported() {
    let workers = workers(2);
    workers.lose(1);
    assert_eq!(workers.lost().await, WorkerLost { worker: 1 });
    assert_eq!(workers.shutdown(), Err(WorkerLost { worker: 1 }));
}
