//! The body of an answer, counted until its octets are sent.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use crate::server::activity::{Activity, RequestInFlight, Unsent};

/// A body that counts what the peer has not read yet. The HTTP library drops a part of it once the part is written to
/// the connection or its stream has ended.
#[derive(Debug)]
pub(crate) struct AnswerBody<B> {
    /// `None`: too much waits already, so the rest of this answer is given up.
    body: Option<B>,
    activity: Arc<Activity>,
    /// Counts while the body has more to send; absent while the body itself waits for its next part.
    next: Option<Unsent>,
    _request: RequestInFlight,
}

/// A part of an answer. While it exists, it counts as unsent.
#[derive(Debug)]
pub(crate) struct AnswerPart {
    octets: Bytes,
    _unsent: Option<Unsent>,
    /// Present if the request could otherwise end before this part is sent.
    _request: Option<RequestInFlight>,
}

/// Too many answers wait to be sent.
#[derive(Debug, thiserror::Error)]
#[error("the peer does not read its answers")]
pub(crate) struct TooMuchUnsent;

// === impl AnswerBody ===

impl<B: Body> AnswerBody<B> {
    /// # Errors
    /// [`TooMuchUnsent`]. The library does not ask for the body until the peer has granted window for it, so an answer that
    /// must not wait is not begun.
    pub(crate) fn new(
        body: B,
        activity: Arc<Activity>,
        request: RequestInFlight,
    ) -> Result<Self, TooMuchUnsent> {
        let size = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let next = Some(activity.begin_sending(size).ok_or(TooMuchUnsent)?);
        Ok(Self {
            body: Some(body),
            activity,
            next,
            _request: request,
        })
    }
}

impl<B> Body for AnswerBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = AnswerPart;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<AnswerPart>, Self::Error>>> {
        let this = self.get_mut();
        this.next = None;
        let Some(body) = &mut this.body else {
            return Poll::Ready(Some(Err(TooMuchUnsent.into())));
        };
        let frame = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let octets = frame.data_ref().map_or(0, Bytes::len);
        let Some(unsent) = this.activity.begin_sending(octets) else {
            this.body = None;
            return Poll::Ready(Some(Err(TooMuchUnsent.into())));
        };
        if !body.is_end_stream() {
            let rest = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
            this.next = this.activity.begin_sending(rest);
            if this.next.is_none() {
                this.body = None;
                this.next = Some(this.activity.begin_waiting());
            }
        }
        let mut unsent = Some(unsent);
        Poll::Ready(Some(Ok(frame.map_data(|octets| AnswerPart {
            octets,
            _unsent: unsent.take(),
            _request: None,
        }))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::new, Body::size_hint)
    }
}

// === impl AnswerPart ===

impl AnswerPart {
    /// A part that keeps its request in flight; `None` if too much waits to be sent already.
    pub(crate) fn counted(octets: Bytes, request: &RequestInFlight) -> Option<Self> {
        let unsent = request.activity().begin_sending(octets.len())?;
        Some(Self {
            octets,
            _unsent: Some(unsent),
            _request: Some(request.clone()),
        })
    }

    /// The end of an answer.
    pub(crate) fn empty() -> Self {
        Self {
            octets: Bytes::new(),
            _unsent: None,
            _request: None,
        }
    }
}

impl Buf for AnswerPart {
    fn remaining(&self) -> usize {
        self.octets.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.octets.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.octets.advance(count);
    }
}
