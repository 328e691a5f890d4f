//! The body of a request, with limits of size and time.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::server::limits::ConnectionLimits;

/// A request body that fails if it is too long or does not arrive in time.
#[derive(Debug)]
pub struct MessageBody {
    body: Incoming,
    size_left: usize,
    deadline: Instant,
    /// Present once the body had to be waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, thiserror::Error)]
enum MessageBodyError {
    #[error("the request message is too large")]
    TooLarge,
    #[error("the request message did not arrive in time")]
    Late,
}

// === impl MessageBody ===

impl MessageBody {
    pub(crate) fn new(body: Incoming, limits: &ConnectionLimits) -> Self {
        Self {
            body,
            size_left: limits.max_message_size,
            deadline: Instant::now() + limits.message_timeout,
            timer: None,
        }
    }

    /// The body without limits, for a service that has its own.
    pub fn into_unlimited(self) -> Incoming {
        self.body
    }
}

impl Body for MessageBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            let deadline = this.deadline;
            let timer = this
                .timer
                .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            ready!(timer.as_mut().poll(cx));
            return Poll::Ready(Some(Err(MessageBodyError::Late.into())));
        };
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                let octets = frame.data_ref().map_or(0, |data| data.remaining());
                match this.size_left.checked_sub(octets) {
                    Some(left) => {
                        this.size_left = left;
                        Some(Ok(frame))
                    }
                    None => Some(Err(MessageBodyError::TooLarge.into())),
                }
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
