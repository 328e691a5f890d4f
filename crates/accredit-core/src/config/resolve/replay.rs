//! `replay`: the memory of used proofs.

use crate::config::problem::Problems;
use crate::config::replay_document::ReplayDocument;
use crate::config::sentence::Sentence;
use crate::config::settings::ReplaySettings;
use crate::config::warning::WarningCode;
use crate::proof::redis_url::RedisUrl;
use crate::proof::replay::DEFAULT_REPLAY_SIZE;

const REDIS: &str = "replay.redis";

/// The settings of the memory. A URL with a problem is reported, and no URL is returned.
pub fn replay(document: Option<&ReplayDocument>, problems: &mut Problems) -> ReplaySettings {
    let size = document.and_then(|document| document.size);
    let size = size.unwrap_or(DEFAULT_REPLAY_SIZE);
    ReplaySettings {
        size: usize::try_from(size).unwrap_or(usize::MAX),
        redis: document.and_then(|document| redis(document, problems)),
    }
}

fn redis(document: &ReplayDocument, problems: &mut Problems) -> Option<RedisUrl> {
    let text = document.redis.as_ref()?;
    let url = match RedisUrl::parse(text.expose()) {
        Ok(url) => url,
        Err(error) => {
            // The message does not quote the text, which can have a password.
            problems.error(
                REDIS,
                Sentence::own(error.to_string()),
                "write a URL such as rediss://redis.example:6379; percent-encode special characters of a password",
            );
            return None;
        }
    };
    if url.exposes_password() {
        problems.warn(
            WarningCode::RedisPasswordExposed,
            REDIS,
            "the password crosses the network in the clear, and so does every answer",
            "use rediss://",
        );
    }
    Some(url)
}
