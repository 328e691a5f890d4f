//! The requests of one connection: whether one has come, and their tasks, which end with it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::Executor;
use hyper::service::Service;
use tokio::task::JoinSet;

/// Where hyper starts a task for each request of an HTTP/2 connection.
#[derive(Clone, Debug)]
pub(crate) struct Requests(Arc<Mutex<JoinSet<()>>>);

/// Ends the requests when it is dropped. Each of them holds a `Requests`, so the set would not go by itself.
#[derive(Debug)]
pub(crate) struct RequestsOwner(Requests);

/// Whether the connection has been asked anything yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstRequest(Arc<AtomicBool>);

/// A service that takes notice of its first request.
#[derive(Clone, Debug)]
pub(crate) struct Noticed<S> {
    service: S,
    first: FirstRequest,
}

// === impl FirstRequest ===

impl FirstRequest {
    pub(crate) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn noticed<S>(&self, service: S) -> Noticed<S> {
        Noticed {
            service,
            first: self.clone(),
        }
    }
}

impl<S: Service<R>, R> Service<R> for Noticed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: R) -> Self::Future {
        self.first.0.store(true, Ordering::Relaxed);
        self.service.call(request)
    }
}

// === impl Requests ===

impl Requests {
    /// None yet, and their owner.
    pub(crate) fn owned() -> (Self, RequestsOwner) {
        let requests = Self(Arc::default());
        let owner = RequestsOwner(requests.clone());
        (requests, owner)
    }

    fn with<T>(&self, act: impl FnOnce(&mut JoinSet<()>) -> T) -> T {
        // Nothing in here panics, and a set of tasks is whole after any panic.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F> Executor<F> for Requests
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, request: F) {
        self.with(|tasks| {
            // Those that have ended go when the next comes. A panic in one has reset its own stream, no more.
            while tasks.try_join_next().is_some() {}
            tasks.spawn(request);
        });
    }
}

// === impl RequestsOwner ===

impl Drop for RequestsOwner {
    fn drop(&mut self) {
        self.0.with(JoinSet::abort_all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn requests_end_with_their_owner_though_they_hold_the_set() {
        let (requests, owner) = Requests::owned();
        let (kept, dropped) = oneshot::channel::<()>();
        let inner = requests.clone();
        requests.execute(async move {
            let _held = (kept, inner);
            pending::<()>().await;
        });
        tokio::task::yield_now().await;
        drop(requests);
        drop(owner);
        assert!(dropped.await.is_err());
    }

    #[tokio::test]
    async fn those_that_have_ended_are_not_kept() {
        let (requests, _owner) = Requests::owned();
        for _ in 0..100 {
            let (done, told) = oneshot::channel();
            requests.execute(async move {
                let _ = done.send(());
            });
            told.await.unwrap();
        }
        assert!(requests.with(|tasks| tasks.len()) < 3);
    }
}
