//! The answer to a check, with what carrying it out needs of the request: when it is carried out, the request is not borrowed any more.

use accredit_core::authz::answer::{Admission, Answer, Judged, RefusedAnswer};
use accredit_core::authz::denial_context::ClientProtocol;
use accredit_core::authz::record::DecisionRecord;
use accredit_core::request::Headers;

use crate::check::http_stream::{HttpStream, NotChanged};

/// The answer to one stream.
#[derive(Debug)]
pub enum StreamAnswer {
    Admit(HeaderChanges),
    Refuse(RefusedAnswer, ClientProtocol),
}

/// An admission, and which of the headers that it changes the request does not have.
///
/// Observed in Envoy 1.40: before Envoy removes or replaces the first header of a request, it builds an index of all of them,
/// also if the request does not have the header. For most requests, nothing has to be removed or replaced.
#[derive(Debug)]
pub struct HeaderChanges {
    admission: Admission,
    absent: AbsentHeaders,
}

/// Bit `n` is set if the request certainly does not have the `n`th header that the admission changes, removals first.
#[derive(Clone, Copy, Debug)]
struct AbsentHeaders(u64);

/// The bit of each length that the name of a header of the request has. Most names that an admission changes have another one.
struct NameLengths(u64);

impl StreamAnswer {
    /// The decision about a request with these headers, and its answer.
    pub fn of(judged: Judged, headers: &Headers<'_>) -> (DecisionRecord, StreamAnswer) {
        let answer = match judged.answer {
            Answer::Admit(admission) => StreamAnswer::Admit(HeaderChanges::of(admission, headers)),
            Answer::Refuse(refusal) => StreamAnswer::Refuse(refusal, ClientProtocol::of(headers)),
        };
        (judged.record, answer)
    }
}

impl HeaderChanges {
    /// `headers` are all headers of the request, which do not change until [`HeaderChanges::apply`].
    pub fn of(admission: Admission, headers: &Headers<'_>) -> HeaderChanges {
        let lengths = NameLengths::of(headers);
        // Each request has pseudo-headers.
        let is_absent = |name: &str| {
            !name.starts_with(':') && (!lengths.has(name) || headers.all(name).next().is_none())
        };
        let removed = admission.remove();
        let changed = removed.chain(admission.set().map(|(name, _)| name));
        let bits = (0..u64::BITS).map(|number| 1 << number);
        let absent = changed.zip(bits).filter(|(name, _)| is_absent(name));
        let absent = absent.fold(0, |absent, (_, bit)| absent | bit);
        HeaderChanges {
            absent: AbsentHeaders(absent),
            admission,
        }
    }

    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Changes the request. Removals come first: a name that is set is not among them.
    ///
    /// # Errors
    /// [`NotChanged`]
    pub fn apply(&self, stream: &mut impl HttpStream) -> Result<(), NotChanged> {
        let mut absent = self.absent;
        for name in self.admission.remove() {
            if !absent.next() {
                stream.remove_header(name)?;
            }
        }
        for (name, value) in self.admission.set() {
            // Not every version of Envoy adds an empty value.
            if absent.next() && !value.is_empty() {
                stream.add_header(name, value)?;
            } else {
                stream.set_header(name, value)?;
            }
        }
        Ok(())
    }
}

impl NameLengths {
    fn of(headers: &Headers<'_>) -> NameLengths {
        let bits = headers.names().map(NameLengths::bit);
        NameLengths(bits.fold(0, |bits, bit| bits | bit))
    }

    fn has(&self, name: &str) -> bool {
        self.0 & NameLengths::bit(name) != 0
    }

    fn bit(name: &str) -> u64 {
        1 << (name.len() % 64)
    }
}

impl AbsentHeaders {
    /// Whether the request does not have the next header. Nothing is known of those beyond the bits.
    fn next(&mut self) -> bool {
        let is_absent = self.0 & 1 == 1;
        self.0 >>= 1;
        is_absent
    }
}
