//! The body of a request, with limits of size and time.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use h2::{Reason, RecvStream};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::server::limits::ConnectionLimits;

/// A request body that fails if it is too long or does not arrive in time.
#[derive(Debug)]
pub struct MessageBody {
    body: UnlimitedBody,
    arrived: Instant,
    size_left: usize,
    deadline: Instant,
    /// Present once the body had to be waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

/// A request body without limits, from the library that serves the connection.
#[derive(Debug)]
pub enum UnlimitedBody {
    Hyper(Incoming),
    H2(RecvStream),
}

type BodyError = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
enum MessageBodyError {
    #[error("the request message is too large")]
    TooLarge,
    #[error("the request message did not arrive in time")]
    Late,
}

// === impl MessageBody ===

impl MessageBody {
    /// The body of a request whose headers arrived at that time.
    pub(crate) fn new(body: UnlimitedBody, arrived: Instant, limits: &ConnectionLimits) -> Self {
        Self {
            body,
            arrived,
            size_left: limits.max_message_size,
            deadline: arrived + limits.message_timeout,
            timer: None,
        }
    }

    /// When the headers of the request arrived.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The body without limits, for a service that has its own.
    pub fn into_unlimited(self) -> UnlimitedBody {
        self.body
    }
}

impl Body for MessageBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
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
            other => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl UnlimitedBody ===

impl Body for UnlimitedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Hyper(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::H2(stream) => poll_stream(stream, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Hyper(body) => body.is_end_stream(),
            Self::H2(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Hyper(body) => body.size_hint(),
            Self::H2(_) => SizeHint::new(),
        }
    }
}

fn poll_stream(
    stream: &mut RecvStream,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    match ready!(stream.poll_data(cx)) {
        Some(Ok(data)) => {
            // Lets the peer send as much again. It fails if the stream has ended, and then nothing more comes.
            let _ = stream.flow_control().release_capacity(data.len());
            Poll::Ready(Some(Ok(Frame::data(data))))
        }
        // A reset without an error ends the body (RFC 9113 section 8.1).
        Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => Poll::Ready(None),
        Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
        None => {
            let trailers = ready!(stream.poll_trailers(cx));
            let frame = trailers.transpose();
            Poll::Ready(frame.map(|trailers| Ok(Frame::trailers(trailers?))))
        }
    }
}
