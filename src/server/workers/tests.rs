//! Tasks on worker threads: where they run and how they end.

use std::collections::BTreeMap;
use std::future::pending;

use tokio::sync::oneshot;

use super::*;

fn workers(count: usize) -> Workers {
    Workers::start("worker", NonZeroUsize::new(count).unwrap()).unwrap()
}

#[tokio::test]
async fn tasks_spread_over_the_workers() {
    let workers = workers(3);
    let mut seen = BTreeMap::new();
    for _ in 0..6 {
        let (name, result) = oneshot::channel();
        let task = async move {
            name.send(thread::current().name().unwrap().to_owned())
                .unwrap();
            pending::<()>().await;
        };
        workers.pool().spawn(task).unwrap();
        *seen.entry(result.await.unwrap()).or_insert(0) += 1;
    }
    let expected = [("worker-0", 2), ("worker-1", 2), ("worker-2", 2)];
    assert!(
        seen.iter()
            .map(|(name, count)| (name.as_str(), *count))
            .eq(expected)
    );
}

#[tokio::test]
async fn shutdown_cancels_tasks() {
    let workers = workers(1);
    let (kept, dropped) = oneshot::channel::<()>();
    let task = async move {
        let _kept = kept;
        pending::<()>().await;
    };
    workers.pool().spawn(task).unwrap();
    workers.shutdown().unwrap();
    assert!(dropped.await.is_err());
}

#[tokio::test]
async fn a_panic_in_a_task_ends_that_task_only() {
    let workers = workers(1);
    workers
        .pool()
        .spawn(async { panic!("on purpose") })
        .unwrap();
    let (done, result) = oneshot::channel();
    workers
        .pool()
        .spawn(async { done.send(()).unwrap() })
        .unwrap();
    result.await.unwrap();
    workers.shutdown().unwrap();
}

#[tokio::test]
async fn a_thread_that_panics_is_reported() {
    let workers = workers(2);
    workers.pool().lose(1);
    assert_eq!(workers.pool().lost().await, WorkerLost::of("worker-1"));
    assert_eq!(workers.shutdown(), Err(WorkerLost::of("worker-1")));
}

#[tokio::test]
async fn a_task_that_runs_on_a_worker_returns_its_result_and_ends_with_its_caller() {
    let workers = workers(1);
    let pool = workers.pool();
    let name = pool.run(async { thread::current().name().map(str::to_owned) });
    assert_eq!(name.await, Ok(Some("worker-0".to_owned())));

    let (kept, dropped) = oneshot::channel::<()>();
    let (started, has_started) = oneshot::channel::<()>();
    let running = pool.run(async move {
        let _kept = kept;
        started.send(()).unwrap();
        pending::<()>().await;
    });
    tokio::select! {
        _ = running => unreachable!(),
        _ = has_started => {}
    }
    assert!(dropped.await.is_err());
}
