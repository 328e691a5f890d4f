//! The tail as a stream of gRPC messages.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, stream};
use tonic::Status;

use crate::admin::{convert, pb};
use crate::observe::tail::followers::{FollowError, Following};

/// Ends when the service stops. Dropping the stream ends the subscription.
pub type TailMessages = Pin<Box<dyn Stream<Item = Result<pb::TailResponse, Status>> + Send>>;

pub fn messages(following: Following) -> TailMessages {
    let news = stream::unfold(following, async |mut following| {
        let news = following.next().await?;
        Some((news, following))
    });
    Box::pin(news.map(|event| Ok(convert::event(&event))))
}

impl From<FollowError> for Status {
    fn from(error: FollowError) -> Status {
        match error {
            FollowError::TooMany => Status::resource_exhausted(error.to_string()),
            FollowError::Stopping => Status::unavailable(error.to_string()),
        }
    }
}
