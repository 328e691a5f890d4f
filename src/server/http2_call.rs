//! One call of an HTTP/2 connection: from the answer of the service to the frames of the library h2.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::Response;
use http_body::{Body, Frame};

use crate::server::activity::RequestInFlight;
use crate::server::answer_body::AnswerPart;
use crate::server::connection_errors::ConnectionErrorKind;

/// The future of a service that answers calls.
pub trait AnswerFuture: Future + Unpin + Send + 'static {
    /// Whether the answer needs the message of the call. Otherwise it is ready at once.
    fn needs_message(&self) -> bool {
        true
    }

    /// What the call shows to be wrong with its connection; `None` for a call that the port expects.
    fn connection_error(&self) -> Option<ConnectionErrorKind> {
        None
    }
}

impl<F: Future + Send + ?Sized + 'static> AnswerFuture for Pin<Box<F>> {}

/// A call that is not answered completely. It resolves once its answer is with the library, or the peer has reset its stream.
/// Dropping it earlier resets the stream.
pub(crate) struct Http2Call<F, B> {
    state: CallState<F, B>,
    request: RequestInFlight,
}

enum CallState<F, B> {
    Deciding {
        answering: F,
        reply: SendResponse<AnswerPart>,
    },
    Sending(SendingAnswer<B>),
}

/// An answer whose headers are sent.
struct SendingAnswer<B> {
    body: B,
    stream: SendStream<AnswerPart>,
    has_sent: bool,
    /// A part that waits until the peer grants window for it.
    waiting: Option<WaitingPart>,
}

struct WaitingPart {
    part: AnswerPart,
    is_last: bool,
}

// === impl Http2Call ===

impl<F, B> Http2Call<F, B> {
    pub(crate) fn new(
        answering: F,
        reply: SendResponse<AnswerPart>,
        request: RequestInFlight,
    ) -> Self {
        Self {
            state: CallState::Deciding { answering, reply },
            request,
        }
    }
}

impl<F, B> Future for Http2Call<F, B>
where
    F: Future<Output = Result<Response<B>, Infallible>> + Unpin,
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            let (answering, reply) = match &mut this.state {
                CallState::Deciding { answering, reply } => (answering, reply),
                CallState::Sending(answer) => return answer.poll_sent(&this.request, cx),
            };
            let Poll::Ready(Ok(answer)) = Pin::new(answering).poll(cx) else {
                // Resolves if the peer has given up the call: its work ends too.
                return reply.poll_reset(cx).map(drop);
            };
            let (head, body) = answer.into_parts();
            let is_whole = body.is_end_stream();
            match reply.send_response(Response::from_parts(head, ()), is_whole) {
                Ok(stream) if !is_whole => {
                    this.state = CallState::Sending(SendingAnswer::new(body, stream));
                }
                Ok(_) => return Poll::Ready(()),
                Err(_) => {
                    reply.send_reset(Reason::INTERNAL_ERROR);
                    return Poll::Ready(());
                }
            }
        }
    }
}

// === impl SendingAnswer ===

impl<B> SendingAnswer<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    fn new(body: B, stream: SendStream<AnswerPart>) -> Self {
        Self {
            body,
            stream,
            has_sent: false,
            waiting: None,
        }
    }

    fn poll_sent(&mut self, request: &RequestInFlight, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.waiting.is_some() {
                if !ready!(self.poll_window(cx)) {
                    return Poll::Ready(());
                }
                if let Some(WaitingPart { part, is_last }) = self.waiting.take()
                    && self.send(part, is_last)
                {
                    return Poll::Ready(());
                }
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                return self.stream.poll_reset(cx).map(drop);
            };
            let is_complete = match frame {
                Some(Ok(frame)) => self.send_frame(frame, request),
                Some(Err(_)) => self.reset(),
                None => self.send(AnswerPart::empty(), true),
            };
            if is_complete {
                return Poll::Ready(());
            }
        }
    }

    /// Whether this was the last frame of the answer.
    fn send_frame(&mut self, frame: Frame<Bytes>, request: &RequestInFlight) -> bool {
        let octets = match frame.into_data() {
            Ok(octets) => octets,
            Err(frame) => {
                let Ok(trailers) = frame.into_trailers() else {
                    return false;
                };
                // An error means that the peer has reset the stream.
                let _ = self.stream.send_trailers(trailers);
                return true;
            }
        };
        let is_last = self.body.is_end_stream();
        let Some(part) = AnswerPart::counted(octets, request) else {
            return self.reset();
        };
        // The first part waits in the library until there is window for it, and further parts wait here, so that a body does
        // not produce more than the peer reads.
        if !self.has_sent {
            self.has_sent = true;
            return self.send(part, is_last);
        }
        // One octet is enough to be notified. More could keep the window of the connection from other streams.
        self.stream.reserve_capacity(1);
        self.waiting = Some(WaitingPart { part, is_last });
        false
    }

    /// Returns whether the answer has ended: with this part, or because the peer has reset the stream.
    fn send(&mut self, part: AnswerPart, is_last: bool) -> bool {
        self.stream.send_data(part, is_last).is_err() || is_last
    }

    fn reset(&mut self) -> bool {
        self.stream.send_reset(Reason::INTERNAL_ERROR);
        true
    }

    /// Waits until the peer has granted window; `false` if the stream was reset.
    fn poll_window(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Poll::Ready(false),
            }
        }
        Poll::Ready(true)
    }
}
