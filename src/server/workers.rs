//! The threads that serve connections, each with a runtime of its own.
//!
//! A connection stays on one thread from its first byte to its last, so nothing on its way is stolen, woken
//! or shared across threads: measured, a check costs one third less than on a runtime of many threads.

use std::fmt;
use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

/// The worker threads; dropping them breaks off what they still do, and waits for the threads to end.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
    lost: watch::Receiver<Option<usize>>,
}

/// A worker thread has panicked: a fault of ours that must end the process, since its connections hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerLost {
    /// Which one, counted from 0.
    pub worker: usize,
}

/// Puts a task into a worker's set. It runs on the worker's thread, so that the task itself is not boxed.
type Start = Box<dyn FnOnce(&mut JoinSet<()>) + Send>;

#[derive(Debug)]
struct Worker {
    starts: mpsc::UnboundedSender<Start>,
    tasks: Arc<AtomicUsize>,
    thread: JoinHandle<()>,
}

/// Counts one task of a worker for as long as it lives.
struct Counted(Arc<AtomicUsize>);

/// Lives on a worker's thread, to tell when that panics.
struct Alarm {
    worker: usize,
    lost: watch::Sender<Option<usize>>,
}

// === impl Workers ===

impl Workers {
    /// Starts the threads, and their runtimes.
    pub fn start(count: NonZeroUsize) -> io::Result<Self> {
        let (alarm, lost) = watch::channel(None);
        let workers = (0..count.get())
            .map(|worker| {
                let lost = alarm.clone();
                Worker::start(Alarm { worker, lost })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { workers, lost })
    }

    /// Runs a task on the worker that has the fewest.
    pub(crate) fn spawn<F>(&self, task: F) -> Result<(), WorkerLost>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let least = self
            .workers
            .iter()
            .enumerate()
            .min_by_key(|(_, worker)| worker.tasks.load(Ordering::Relaxed));
        match least {
            Some((index, worker)) => worker
                .spawn(task)
                .map_err(|()| WorkerLost { worker: index }),
            // `start` makes one at least.
            None => Err(WorkerLost { worker: 0 }),
        }
    }

    /// Waits until a worker panics.
    pub(crate) async fn lost(&self) -> WorkerLost {
        let mut lost = self.lost.clone();
        let worker = lost.wait_for(Option::is_some).await;
        // An error says that every thread has ended, which only `shutdown` makes them do.
        let worker = worker.ok().and_then(|worker| *worker).unwrap_or(0);
        WorkerLost { worker }
    }

    /// Breaks off what is still being done, and waits for every thread to end.
    pub fn shutdown(mut self) -> Result<(), WorkerLost> {
        self.join()
    }

    #[cfg(test)]
    pub(crate) fn lose(&self, worker: usize) {
        let start = Box::new(|_: &mut JoinSet<()>| panic!("on purpose"));
        assert!(self.workers[worker].starts.send(start).is_ok());
    }

    fn join(&mut self) -> Result<(), WorkerLost> {
        // The senders go first: all threads are told before any is waited for.
        let threads: Vec<_> = self.workers.drain(..).map(|worker| worker.thread).collect();
        let mut result = Ok(());
        for (worker, thread) in threads.into_iter().enumerate() {
            if thread.join().is_err() {
                result = Err(WorkerLost { worker });
            }
        }
        result
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Err(error) = self.join() {
            tracing::error!(%error, "a worker had ended before its time");
        }
    }
}

// === impl Worker ===

impl Worker {
    fn start(alarm: Alarm) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (starts, receiver) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name(format!("worker-{}", alarm.worker))
            .spawn(move || run(runtime, receiver, alarm))?;
        Ok(Self {
            starts,
            tasks: Arc::default(),
            thread,
        })
    }

    fn spawn<F>(&self, task: F) -> Result<(), ()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let counted = Counted::new(&self.tasks);
        let task = async move {
            task.await;
            drop(counted);
        };
        let start = Box::new(|tasks: &mut JoinSet<()>| {
            tasks.spawn(task);
        });
        self.starts.send(start).map_err(|_| ())
    }
}

/// A worker's thread: it owns its tasks, and ends when nobody can send it more.
fn run(runtime: Runtime, mut starts: mpsc::UnboundedReceiver<Start>, alarm: Alarm) {
    let _alarm = alarm;
    runtime.block_on(async move {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                start = starts.recv() => match start {
                    Some(start) => start(&mut tasks),
                    None => break,
                },
                Some(ended) = tasks.join_next() => report_panic(ended),
            }
        }
        tasks.shutdown().await;
    });
}

/// A panic ends the connection that it happened on, and must be seen; not what it says, which may quote a request.
pub(crate) fn report_panic(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("a connection ended in a panic");
    }
}

// === impl Counted, Alarm ===

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            self.lost.send_replace(Some(self.worker));
        }
    }
}

impl fmt::Display for WorkerLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker thread {} has panicked", self.worker)
    }
}

impl std::error::Error for WorkerLost {}

#[cfg(test)]
mod tests;
