//! Threads that serve ports and connections, each with its own current-thread runtime.
//!
//! A connection stays on one thread, so none of its tasks is stolen or woken across threads. A check was measured to cost
//! one third less than on a multi-thread runtime.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};

/// Worker threads. Dropping them cancels their tasks and waits until the threads have ended.
#[derive(Debug)]
pub struct Workers {
    pool: WorkerPool,
    threads: Vec<(String, JoinHandle<()>)>,
    stop: watch::Sender<()>,
}

/// Starts tasks on worker threads. It does not keep the threads alive.
#[derive(Clone, Debug)]
pub struct WorkerPool {
    workers: Arc<[Worker]>,
    lost: watch::Receiver<Option<String>>,
}

/// A worker thread has panicked. Its connections hang, so the process must end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("thread {thread} has panicked")]
pub struct WorkerLost {
    pub thread: String,
}

/// Puts a task into the set of a worker, on the worker's thread, so that the task is not boxed.
type StartTask = Box<dyn FnOnce(&mut JoinSet<()>) + Send>;

#[derive(Debug)]
struct Worker {
    name: String,
    starts: mpsc::UnboundedSender<StartTask>,
    tasks: Arc<AtomicUsize>,
}

/// The share of the processor that the threads get if others need it too.
#[derive(Clone, Copy, Debug)]
enum Priority {
    Normal,
    Background,
}

/// Counts one task of a worker as long as it exists.
struct TaskCount(Arc<AtomicUsize>);

/// Reports a panic of the thread that it is on.
struct PanicAlarm {
    thread: String,
    lost: watch::Sender<Option<String>>,
}

// === impl Workers ===

impl Workers {
    /// Starts `count` threads with the names `NAME-0`, `NAME-1` and so on.
    ///
    /// # Errors
    /// Those of starting a thread or its runtime.
    pub fn start(name: &str, count: NonZeroUsize) -> io::Result<Self> {
        Self::start_at(name, count, Priority::Normal)
    }

    /// Like [`Workers::start`], for work that may wait while the threads of checks need the processor.
    ///
    /// # Errors
    /// Those of starting a thread or its runtime.
    pub fn start_in_background(name: &str, count: NonZeroUsize) -> io::Result<Self> {
        Self::start_at(name, count, Priority::Background)
    }

    fn start_at(name: &str, count: NonZeroUsize, priority: Priority) -> io::Result<Self> {
        let (alarm, lost) = watch::channel(None);
        let (stop, stopped) = watch::channel(());
        let mut workers = Vec::new();
        let mut threads = Vec::new();
        for number in 0..count.get() {
            let name = format!("{name}-{number}");
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (starts, receiver) = mpsc::unbounded_channel();
            let (stopped, alarm) = (stopped.clone(), PanicAlarm::new(&name, &alarm));
            let thread = thread::Builder::new().name(name.clone()).spawn(move || {
                priority.apply();
                run_tasks(runtime, receiver, stopped, alarm);
            })?;
            threads.push((name.clone(), thread));
            workers.push(Worker {
                name,
                starts,
                tasks: Arc::default(),
            });
        }
        let pool = WorkerPool {
            workers: workers.into(),
            lost,
        };
        Ok(Self {
            pool,
            threads,
            stop,
        })
    }

    pub fn pool(&self) -> WorkerPool {
        self.pool.clone()
    }

    /// Cancels all tasks and waits until every thread has ended.
    ///
    /// # Errors
    /// [`WorkerLost`] if a thread had panicked.
    pub fn shutdown(mut self) -> Result<(), WorkerLost> {
        self.join()
    }

    fn join(&mut self) -> Result<(), WorkerLost> {
        self.stop.send_replace(());
        let mut result = Ok(());
        for (thread, handle) in self.threads.drain(..) {
            if handle.join().is_err() {
                result = Err(WorkerLost { thread });
            }
        }
        result
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Err(error) = self.join() {
            tracing::error!(%error, "worker thread had panicked");
        }
    }
}

// === impl WorkerPool ===

impl WorkerPool {
    /// Runs a task on the worker that has the fewest.
    pub(crate) fn spawn<F>(&self, task: F) -> Result<(), WorkerLost>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let least = self
            .workers
            .iter()
            .min_by_key(|worker| worker.tasks.load(Ordering::Relaxed));
        match least {
            Some(worker) => worker.spawn(task),
            // `start` has started at least one.
            None => Err(WorkerLost::of("")),
        }
    }

    /// Runs a task on a worker and waits for its result. Cancelling the wait cancels the task.
    ///
    /// # Errors
    /// [`WorkerLost`] if the task or its thread panicked.
    pub async fn run<F>(&self, task: F) -> Result<F::Output, WorkerLost>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (mut result, received) = oneshot::channel();
        self.spawn(async move {
            tokio::select! {
                () = result.closed() => {}
                output = task => { let _ = result.send(output); }
            }
        })?;
        received.await.map_err(|_| {
            let first = self.workers.first();
            WorkerLost::of(first.map_or("", |worker| &worker.name))
        })
    }

    /// Waits until a worker panics.
    pub(crate) async fn lost(&self) -> WorkerLost {
        let mut lost = self.lost.clone();
        let thread = lost.wait_for(Option::is_some).await;
        // An error means that every thread has ended, which only `shutdown` makes them do.
        let thread = thread.ok().and_then(|name| name.clone());
        WorkerLost {
            thread: thread.unwrap_or_default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn lose(&self, worker: usize) {
        let start = Box::new(|_: &mut JoinSet<()>| panic!("on purpose"));
        assert!(self.workers[worker].starts.send(start).is_ok());
    }
}

// === impl Priority ===

impl Priority {
    /// Sets the priority of the current thread. Linux gives a thread whose nice value is higher by this about a tenth of a core
    /// on which another thread is busy, and all of it otherwise.
    fn apply(self) {
        const NICE_INCREMENT: i32 = 10;
        match self {
            Self::Normal => {}
            // Elsewhere than on Linux, this would concern the whole process.
            Self::Background if !cfg!(target_os = "linux") => {}
            Self::Background => {
                if let Err(error) = rustix::process::nice(NICE_INCREMENT) {
                    tracing::warn!(%error, "cannot lower the priority of a background thread");
                }
            }
        }
    }
}

// === impl Worker ===

impl Worker {
    fn spawn<F>(&self, task: F) -> Result<(), WorkerLost>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let count = TaskCount::new(&self.tasks);
        let task = async move {
            task.await;
            drop(count);
        };
        let start = Box::new(|tasks: &mut JoinSet<()>| {
            tasks.spawn(task);
        });
        self.starts
            .send(start)
            .map_err(|_| WorkerLost::of(&self.name))
    }
}

/// The body of a worker's thread. It owns its tasks.
fn run_tasks(
    runtime: Runtime,
    mut starts: mpsc::UnboundedReceiver<StartTask>,
    mut stopped: watch::Receiver<()>,
    alarm: PanicAlarm,
) {
    let _alarm = alarm;
    runtime.block_on(async move {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                start = starts.recv() => match start {
                    Some(start) => start(&mut tasks),
                    None => break,
                },
                Some(ended) = tasks.join_next() => log_panic(ended),
            }
        }
        tasks.shutdown().await;
    });
    // Dropping the runtime would wait for blocking tasks, such as the resolution of a name.
    runtime.shutdown_background();
}

/// A panic ends its own connection only. Its message is not logged, because it may quote a request.
fn log_panic(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("connection task panicked; its connection is closed");
    }
}

// === impl WorkerLost, TaskCount, PanicAlarm ===

impl WorkerLost {
    fn of(thread: &str) -> Self {
        Self {
            thread: thread.to_owned(),
        }
    }
}

impl TaskCount {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for TaskCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PanicAlarm {
    fn new(thread: &str, lost: &watch::Sender<Option<String>>) -> Self {
        Self {
            thread: thread.to_owned(),
            lost: lost.clone(),
        }
    }
}

impl Drop for PanicAlarm {
    fn drop(&mut self) {
        if thread::panicking() {
            self.lost.send_replace(Some(self.thread.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
