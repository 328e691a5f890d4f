//! Follows HTTP/2 frames: finds stream errors among those that are written, and open header blocks among those that are read.

/// The length of a frame's header (RFC 9113 section 4.1).
const HEADER: usize = 9;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;

/// The flag of HEADERS and CONTINUATION that ends a header block.
const END_HEADERS: u8 = 4;

const PROTOCOL_ERROR: u32 = 1;

/// Follows the frames of one direction of a connection, wherever their octets are cut.
#[derive(Debug, Default)]
pub(crate) struct FrameScanner {
    header: [u8; HEADER],
    have: usize,
    /// The octets of the current frame's payload that are still to come.
    left: usize,
    /// The error code of the current frame if it is RST_STREAM, as far as it was read.
    reset_code: Option<u32>,
    protocol_errors: usize,
    is_block_open: bool,
    frames: usize,
}

impl FrameScanner {
    pub(crate) fn follow(&mut self, mut octets: &[u8]) {
        while let Some((&first, rest)) = octets.split_first() {
            if self.left > 0 {
                let (payload, rest) = octets.split_at_checked(self.left).unwrap_or((octets, &[]));
                octets = rest;
                self.left -= payload.len();
                self.read_payload(payload);
                continue;
            }
            // Almost every header arrives whole.
            if self.have == 0
                && let Some((header, rest)) = octets.split_first_chunk()
            {
                self.header = *header;
                octets = rest;
                self.read_header();
                continue;
            }
            octets = rest;
            if let Some(next) = self.header.get_mut(self.have) {
                *next = first;
            }
            self.have += 1;
            if self.have == HEADER {
                self.have = 0;
                self.read_header();
            }
        }
    }

    fn read_header(&mut self) {
        self.frames += 1;
        let [a, b, c, kind, flags, ..] = self.header;
        self.left = u32::from_be_bytes([0, a, b, c]) as usize;
        self.reset_code = (kind == RST_STREAM && self.left == size_of::<u32>()).then_some(0);
        if kind == HEADERS || kind == CONTINUATION {
            self.is_block_open = flags & END_HEADERS == 0;
        }
    }

    fn read_payload(&mut self, payload: &[u8]) {
        if let Some(code) = &mut self.reset_code {
            for octet in payload {
                *code = (*code << 8) | u32::from(*octet);
            }
            self.protocol_errors += usize::from(self.left == 0 && *code == PROTOCOL_ERROR);
        }
    }

    /// The frames RST_STREAM with the error PROTOCOL_ERROR since the last call. With it, the library answers a request that it
    /// does not accept, such as one whose `:authority` is not a host. It reports such a request nowhere else.
    pub(crate) fn take_protocol_errors(&mut self) -> usize {
        std::mem::take(&mut self.protocol_errors)
    }

    /// The number of frames that have begun since the last call.
    pub(crate) fn take_frames(&mut self) -> usize {
        std::mem::take(&mut self.frames)
    }

    /// Whether a header block has begun and not ended (RFC 9113 section 4.3). The library holds the fields of a block until it
    /// ends, and sets no time limit for that.
    pub(crate) fn is_block_open(&self) -> bool {
        self.is_block_open
    }
}

#[cfg(test)]
mod tests {
    use super::FrameScanner;

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
                let mut scanner = FrameScanner::default();
                octets.chunks(cut).for_each(|part| scanner.follow(part));
                assert_eq!(scanner.is_block_open(), is_open, "{octets:?} cut at {cut}");
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
            octets.chunks(cut).for_each(|part| scanner.follow(part));
            assert_eq!(scanner.take_protocol_errors(), 2, "{cut}");
            assert_eq!(scanner.take_protocol_errors(), 0, "{cut}");
        }
    }
}
