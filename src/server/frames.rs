//! Follows HTTP/2 frames: finds stream errors among those that are written, and open header blocks among those that are read.

/// The length of a frame's header (RFC 9113 section 4.1), and of the error code that RST_STREAM has after it.
const HEADER: usize = 9;
const RESET: usize = HEADER + 4;

/// Follows the frames of one direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct FrameScanner {
    /// The first octets of the current frame.
    begun: [u8; RESET],
    have: usize,
    /// Octets of the current frame that are not looked at.
    skip: usize,
}

impl FrameScanner {
    /// Counts the frames RST_STREAM with the error PROTOCOL_ERROR. With it, the library answers a request that it does not
    /// accept, such as one whose `:authority` is not a host. It reports such a request nowhere else.
    pub(crate) fn count_protocol_errors(&mut self, mut octets: &[u8]) -> usize {
        let mut found = 0;
        while let Some((&first, rest)) = octets.split_first() {
            if self.skip > 0 {
                let skipped = self.skip.min(octets.len());
                self.skip -= skipped;
                octets = octets.get(skipped..).unwrap_or_default();
                continue;
            }
            octets = rest;
            if let Some(next) = self.begun.get_mut(self.have) {
                *next = first;
            }
            self.have += 1;
            if self.have < HEADER {
                continue;
            }
            let [a, b, c, kind, _, _, _, _, _, code @ ..] = self.begun;
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let is_reset = kind == 3 && length == RESET - HEADER;
            if is_reset && self.have < RESET {
                continue;
            }
            found += usize::from(is_reset && u32::from_be_bytes(code) == 1);
            self.skip = if is_reset { 0 } else { length };
            self.have = 0;
        }
        found
    }
}

/// Follows the header blocks that a peer sends (RFC 9113 section 4.3). The library holds the fields of a block until it ends,
/// and sets no time limit for that.
#[derive(Debug, Default)]
pub(crate) struct HeaderBlockScanner {
    header: [u8; HEADER],
    have: usize,
    skip: usize,
    is_open: bool,
}

impl HeaderBlockScanner {
    /// Follows these octets, and returns whether a header block is open after them.
    pub(crate) fn follow(&mut self, mut octets: &[u8]) -> bool {
        const HEADERS: u8 = 1;
        const CONTINUATION: u8 = 9;
        const END_HEADERS: u8 = 4;
        while let Some((&first, rest)) = octets.split_first() {
            if self.skip > 0 {
                let skipped = self.skip.min(octets.len());
                self.skip -= skipped;
                octets = octets.get(skipped..).unwrap_or_default();
                continue;
            }
            octets = rest;
            if let Some(next) = self.header.get_mut(self.have) {
                *next = first;
            }
            self.have += 1;
            if self.have < HEADER {
                continue;
            }
            let [a, b, c, kind, flags, ..] = self.header;
            if kind == HEADERS || kind == CONTINUATION {
                self.is_open = flags & END_HEADERS == 0;
            }
            self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
            self.have = 0;
        }
        self.is_open
    }
}

#[cfg(test)]
mod tests {
    use super::{FrameScanner, HeaderBlockScanner};

    #[test]
    fn an_open_header_block_is_found_wherever_the_octets_are_cut() {
        let settings: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
        let headers: &[u8] = &[0, 0, 2, 1, 0, 0, 0, 0, 1, 0x82, 0x84];
        let continuation: &[u8] = &[0, 0, 1, 9, 0, 0, 0, 0, 1, 0x86];
        let end: &[u8] = &[0, 0, 1, 9, 4, 0, 0, 0, 1, 0x86];
        let whole: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 3, 0x82];
        for (frames, is_open) in [
            (&[settings, whole][..], false),
            (&[settings, headers], true),
            (&[headers, continuation], true),
            (&[headers, continuation, end], false),
            (&[whole, headers], true),
        ] {
            let octets = frames.concat();
            for cut in 1..=octets.len() {
                let mut scanner = HeaderBlockScanner::default();
                let last = octets.chunks(cut).map(|part| scanner.follow(part)).last();
                assert_eq!(last, Some(is_open), "{octets:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn resets_with_a_protocol_error_are_found_wherever_the_octets_are_cut() {
        let frames: &[&[u8]] = &[
            &[0, 0, 0, 4, 1, 0, 0, 0, 0],             // SETTINGS
            &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 1], // RST_STREAM, PROTOCOL_ERROR
            &[0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 0, 0, 7], // RST_STREAM, REFUSED_STREAM
            &[0, 0, 13, 0, 1, 0, 0, 0, 5],            // DATA, whose content looks like a reset
            &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 1],
            &[0, 0, 4, 3, 0, 0, 0, 0, 7, 0, 0, 0, 1], // RST_STREAM, PROTOCOL_ERROR
        ];
        let octets = frames.concat();
        for cut in 1..octets.len() {
            let mut scanner = FrameScanner::default();
            let found: usize = octets
                .chunks(cut)
                .map(|part| scanner.count_protocol_errors(part))
                .sum();
            assert_eq!(found, 2, "{cut}");
        }
    }
}
