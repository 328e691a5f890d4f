//! One unary gRPC call over HTTP/2. accredit frames it itself: a gRPC library would answer some calls with a gRPC error, and
//! Envoy's `failure_mode_allow` turns an error into an admission (CONTRACT 4.6.6).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::envoy::message_budget::{BudgetExhausted, MessageBudget, MessageCharge};

/// The maximum length of a message, in bytes: the default of the gRPC libraries.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// Headers whose names are parsed once and not for each call.
static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
static EXPECTED_TIMEOUT: HeaderName = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");

/// The media type of a gRPC message.
const MEDIA_TYPE: &[u8] = b"application/grpc";

/// The length of the compression flag and the length field before each message.
pub const PREFIX: usize = 5;

/// Why no message could be read from a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The message is compressed, which accredit did not offer.
    Compressed,
    /// The message is larger than [`MAX_MESSAGE`].
    TooLarge,
    /// The call ended or broke before its message was complete.
    Incomplete,
    /// The messages of the process use too much memory.
    OverBudget,
}

/// The message of a call, which counts in the budget as long as this exists.
#[derive(Debug)]
pub struct ReceivedMessage<'a> {
    pub bytes: Bytes,
    pub charge: MessageCharge<'a>,
}

impl From<BudgetExhausted> for CallError {
    fn from(BudgetExhausted: BudgetExhausted) -> CallError {
        CallError::OverBudget
    }
}

/// Whether a request comes from a gRPC client. An `http_service` of Envoy's ext_authz takes the HTTP status 200 of a gRPC answer for an
/// admission. It sends neither of these two headers, unless `allowed_headers` names them.
///
/// One of them is enough: a check with an unusual header must not end in an HTTP error, which Envoy's `failure_mode_allow` turns into an
/// admission (CONTRACT 4.6.6).
pub fn is_grpc(headers: &HeaderMap) -> bool {
    let is_media_type = |value: &HeaderValue| {
        let kind = value.as_bytes().get(..MEDIA_TYPE.len());
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case(MEDIA_TYPE))
    };
    let has_trailers = |value: &HeaderValue| value.as_bytes() == b"trailers";
    headers.get(header::CONTENT_TYPE).is_some_and(is_media_type)
        || headers.get(header::TE).is_some_and(has_trailers)
}

/// Reads the message of a call.
///
/// # Errors
/// [`CallError`]
pub async fn read_message<'a, B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    budget: &'a MessageBudget,
) -> Result<ReceivedMessage<'a>, CallError> {
    let mut charge = budget.begin();
    let first = next_data(body).await?;
    if let Some(bytes) = whole_message(&first)? {
        // The whole message in one frame, as almost always: its octets need not be copied.
        charge.grow_to(bytes.len())?;
        return Ok(ReceivedMessage { bytes, charge });
    }
    let mut received = BytesMut::from(first);
    loop {
        charge.grow_to(received.capacity())?;
        received.extend_from_slice(&next_data(body).await?);
        if let Some(length) = announced_length(&received)?
            && received.len() >= PREFIX + length
        {
            charge.grow_to(received.capacity())?;
            received.advance(PREFIX);
            let bytes = received.split_to(length).freeze();
            return Ok(ReceivedMessage { bytes, charge });
        }
    }
}

async fn next_data<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Bytes, CallError> {
    loop {
        match body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(data);
                }
            }
            Some(Err(_)) | None => return Err(CallError::Incomplete),
        }
    }
}

/// The message that these octets begin with, if they contain all of it.
fn whole_message(octets: &Bytes) -> Result<Option<Bytes>, CallError> {
    Ok(match announced_length(octets)? {
        Some(length) if octets.len() >= PREFIX + length => {
            Some(octets.slice(PREFIX..PREFIX + length))
        }
        _ => None,
    })
}

fn announced_length(received: &[u8]) -> Result<Option<usize>, CallError> {
    let Some((&[flag, a, b, c, d], _)) = received.split_first_chunk() else {
        return Ok(None);
    };
    if flag != 0 {
        return Err(CallError::Compressed);
    }
    match usize::try_from(u32::from_be_bytes([a, b, c, d])) {
        Ok(length) if length <= MAX_MESSAGE => Ok(Some(length)),
        _ => Err(CallError::TooLarge),
    }
}

/// The octets of an uncompressed message, with the prefix that announces its length. `write` appends the message.
pub fn frame(capacity: usize, write: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Bytes {
    let mut framed = Vec::with_capacity(PREFIX + capacity);
    framed.extend_from_slice(&[0; PREFIX]);
    let mut framed = write(framed);
    let length = framed.len().saturating_sub(PREFIX);
    let length = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    for (to, from) in framed.iter_mut().skip(1).zip(length) {
        *to = from;
    }
    framed.into()
}

/// The answer to a call: one message with its prefix, and the status OK.
pub fn answer(framed: Bytes) -> Response<UnaryBody> {
    let mut response = Response::new(UnaryBody {
        message: Some(framed),
        trailers: Some(status_ok()),
    });
    let mut headers = HeaderMap::with_capacity(1);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    *response.headers_mut() = headers;
    response
}

fn status_ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS.clone(), HeaderValue::from_static("0"));
    trailers
}

/// How long the caller waits; `None` if the call has no deadline. Envoy sends the timeout of the whole call as `grpc-timeout`
/// to each attempt, and the timeout of this attempt, which can be shorter, as `x-envoy-expected-rq-timeout-ms`.
pub fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let (mut whole, mut of_this_try) = (None, None);
    // A call has few headers. Comparing each takes less than hashing the two names. Of repeated headers the first counts.
    for (name, value) in headers {
        if *name == GRPC_TIMEOUT {
            whole = whole.or(Some(value));
        } else if *name == EXPECTED_TIMEOUT {
            of_this_try = of_this_try.or(Some(value));
        }
    }
    let whole = whole.and_then(whole_timeout);
    let of_this_try = of_this_try.and_then(timeout_of_this_try);
    whole.into_iter().chain(of_this_try).min()
}

/// `grpc-timeout`: up to 8 digits and a unit.
fn whole_timeout(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

fn timeout_of_this_try(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.parse().ok().map(Duration::from_millis)
}

// === impl UnaryBody ===

/// The body of an answer: one message, then the trailers.
#[derive(Debug)]
pub struct UnaryBody {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for UnaryBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = match self.message.take() {
            Some(message) => Some(Frame::data(message)),
            None => self.trailers.take().map(Frame::trailers),
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // Not exact, or the HTTP library would send `content-length`, which a gRPC message does not need.
        let mut size = SizeHint::new();
        size.set_lower(self.message.as_ref().map_or(0, Bytes::len) as u64);
        size
    }
}

#[cfg(test)]
mod tests;
