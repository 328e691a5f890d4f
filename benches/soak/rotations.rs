//! Key rotations while a soak runs, and whether tokens of withdrawn keys are refused.

use std::time::{Duration, Instant};

use crate::caller::{Answered, Caller, Peer};
use crate::key_server::RotatingKeys;
use crate::report::Report;
use crate::signer::Signer;
use crate::wrong::WrongAnswers;

/// Never shorter: the key of the next rotation has to be published long before it signs.
const ROTATION_INTERVAL: Duration = Duration::from_secs(25);

pub(crate) struct Rotations {
    next: Instant,
    number: u64,
    withdrawn_refused: u64,
}

impl Rotations {
    /// The first rotation is due after [`ROTATION_INTERVAL`].
    pub(crate) fn begin() -> Rotations {
        Rotations {
            next: Instant::now() + ROTATION_INTERVAL,
            number: 0,
            withdrawn_refused: 0,
        }
    }

    /// Rotates the keys if it is time, and sends a token of a key that the previous rotation withdrew.
    pub(crate) async fn rotate_if_due(
        &mut self,
        peer: Peer,
        signer: &Signer,
        keys: &RotatingKeys,
        wrong: &WrongAnswers,
    ) {
        if Instant::now() < self.next {
            return;
        }
        self.number += 1;
        if let Some(token) = signer.withdrawn_token() {
            let answer = Caller::connect(peer).await.check(&token).await;
            let refused = matches!(answer, Answered::Refused { .. });
            self.withdrawn_refused += u64::from(refused);
        }
        wrong.rotation_begins();
        signer.rotate(keys);
        self.next = Instant::now() + ROTATION_INTERVAL;
    }

    pub(crate) fn report(&self, report: &mut Report) {
        report.fact("key rotations", self.number);
        let expected = self.number.saturating_sub(2);
        report.require(
            "tokens of withdrawn keys are refused",
            self.withdrawn_refused >= expected,
            format!("{} of {expected}", self.withdrawn_refused),
        );
    }
}
