//! The requests of one connection: their limits, and their tasks, which end with the connection.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::Service;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::server::activity::{Activity, RequestInFlight};
use crate::server::answer_body::{AnswerBody, TooMuchUnsent};
use crate::server::limits::ConnectionLimits;
use crate::server::message_body::{MessageBody, UnlimitedBody};

/// The tasks of the requests of a connection: of each request that hyper reads from HTTP/2, or of those whose answer takes
/// time.
#[derive(Clone, Debug)]
pub(crate) struct RequestTasks(Arc<Mutex<JoinSet<()>>>);

/// Cancels the tasks when it is dropped. Each of them holds a [`RequestTasks`], so the set would not end by itself.
#[derive(Debug)]
pub(crate) struct RequestTasksOwner(RequestTasks);

/// A service whose requests and answers are limited and counted.
#[derive(Clone, Debug)]
pub(crate) struct LimitedService<S> {
    service: S,
    limits: ConnectionLimits,
    activity: Arc<Activity>,
}

/// The future of [`LimitedService`].
pub(crate) struct LimitedAnswer<F> {
    answer: F,
    request: Option<(Arc<Activity>, RequestInFlight)>,
}

// === impl LimitedService ===

impl<S> LimitedService<S> {
    pub(crate) fn new(service: S, limits: ConnectionLimits, activity: Arc<Activity>) -> Self {
        Self {
            service,
            limits,
            activity,
        }
    }
}

impl<S, B> Service<Request<Incoming>> for LimitedService<S>
where
    S: Service<Request<MessageBody>, Response = Response<B>, Error = Infallible>,
    S::Future: Unpin,
    B: Body,
{
    type Response = Response<AnswerBody<B>>;
    /// The library resets the stream.
    type Error = TooMuchUnsent;
    type Future = LimitedAnswer<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let in_flight = self.activity.begin_request();
        let arrived = Instant::now();
        let request =
            request.map(|body| MessageBody::new(UnlimitedBody::Hyper(body), arrived, &self.limits));
        LimitedAnswer {
            answer: self.service.call(request),
            request: Some((Arc::clone(&self.activity), in_flight)),
        }
    }
}

impl<F, B> Future for LimitedAnswer<F>
where
    F: Future<Output = Result<Response<B>, Infallible>> + Unpin,
    B: Body,
{
    type Output = Result<Response<AnswerBody<B>>, TooMuchUnsent>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Ok(answer) = ready!(Pin::new(&mut this.answer).poll(cx));
        match this.request.take() {
            Some((activity, request)) => {
                let (head, body) = answer.into_parts();
                let body = AnswerBody::new(body, activity, request);
                Poll::Ready(body.map(|body| Response::from_parts(head, body)))
            }
            // It has resolved before.
            None => Poll::Pending,
        }
    }
}

// === impl RequestTasks ===

impl RequestTasks {
    pub(crate) fn owned() -> (Self, RequestTasksOwner) {
        let tasks = Self(Arc::default());
        let owner = RequestTasksOwner(tasks.clone());
        (tasks, owner)
    }

    fn with<T>(&self, act: impl FnOnce(&mut JoinSet<()>) -> T) -> T {
        // Nothing in here panics, and a set of tasks is complete after any panic.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F> Executor<F> for RequestTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.with(|tasks| {
            // Tasks that have ended are removed when the next starts. A panic in one has reset its own stream only.
            while tasks.try_join_next().is_some() {}
            tasks.spawn(task);
        });
    }
}

// === impl RequestTasksOwner ===

impl Drop for RequestTasksOwner {
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
    async fn tasks_end_with_their_owner_although_they_hold_the_set() {
        let (tasks, owner) = RequestTasks::owned();
        let (kept, dropped) = oneshot::channel::<()>();
        let inner = tasks.clone();
        tasks.execute(async move {
            let _held = (kept, inner);
            pending::<()>().await;
        });
        tokio::task::yield_now().await;
        drop(tasks);
        drop(owner);
        assert!(dropped.await.is_err());
    }

    #[tokio::test]
    async fn ended_tasks_are_removed() {
        let (tasks, _owner) = RequestTasks::owned();
        for _ in 0..100 {
            let (done, ended) = oneshot::channel();
            tasks.execute(async move {
                let _ = done.send(());
            });
            ended.await.unwrap();
        }
        assert!(tasks.with(|tasks| tasks.len()) < 3);
    }
}
