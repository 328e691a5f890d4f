//! Follows HTTP/2 frames: finds stream errors among those that are written, and open header blocks among those that are read.

/// The length of a frame's header (RFC 9113 section 4.1).
const HEADER: usize = 9;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

/// The flag of HEADERS and CONTINUATION that ends a header block.
const END_HEADERS: u8 = 4;

const PROTOCOL_ERROR: u32 = 1;

/// The bits of a stream ID. The first bit of the field is reserved.
const STREAM_ID: u32 = 0x7fff_ffff;

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
    block: Block,
    /// Where the open block begins among the octets that were followed last; `None` if it began earlier.
    block_start: Option<usize>,
    /// The highest stream ID of HEADERS.
    last_stream: u32,
    has_trailers: bool,
    has_push_promise: bool,
    frames: usize,
}

/// A header block of more than one frame (RFC 9113 section 4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Block {
    #[default]
    None,
    Open,
    /// Its last frame has begun.
    Ending,
}

impl FrameScanner {
    pub(crate) fn follow(&mut self, all: &[u8]) {
        let mut octets = all;
        self.block_start = None;
        while let Some((&first, rest)) = octets.split_first() {
            if self.left > 0 {
                let (payload, rest) = octets.split_at_checked(self.left).unwrap_or((octets, &[]));
                octets = rest;
                self.left -= payload.len();
                self.read_payload(payload);
                self.end_block();
                continue;
            }
            // Almost every header arrives whole.
            if self.have == 0
                && let Some((header, rest)) = octets.split_first_chunk()
            {
                self.header = *header;
                octets = rest;
                self.read_header(all.len() - rest.len());
                continue;
            }
            octets = rest;
            if let Some(next) = self.header.get_mut(self.have) {
                *next = first;
            }
            self.have += 1;
            if self.have == HEADER {
                self.have = 0;
                self.read_header(all.len() - rest.len());
            }
        }
    }

    /// `end` is the number of octets that were followed, with this header.
    fn read_header(&mut self, end: usize) {
        self.frames += 1;
        let [a, b, c, kind, flags, stream @ ..] = self.header;
        self.left = u32::from_be_bytes([0, a, b, c]) as usize;
        self.reset_code = (kind == RST_STREAM && self.left == size_of::<u32>()).then_some(0);
        let ends_block = flags & END_HEADERS != 0;
        match kind {
            HEADERS => {
                let stream = u32::from_be_bytes(stream) & STREAM_ID;
                self.has_trailers |= stream <= self.last_stream;
                self.last_stream = self.last_stream.max(stream);
                if !ends_block {
                    self.block = Block::Open;
                    self.block_start = Some(end.saturating_sub(HEADER));
                }
            }
            PUSH_PROMISE => self.has_push_promise = true,
            CONTINUATION if ends_block && self.block == Block::Open => self.block = Block::Ending,
            _ => {}
        }
        self.end_block();
    }

    /// A block has ended when its last frame has.
    fn end_block(&mut self) {
        if self.block == Block::Ending && self.left == 0 {
            self.block = Block::None;
            self.block_start = None;
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
        self.block != Block::None
    }

    /// Where the open block begins among the octets that were followed last; `None` if it began earlier.
    pub(crate) fn block_start(&self) -> Option<usize> {
        self.block_start
    }

    /// Whether a stream had HEADERS for the second time.
    pub(crate) fn has_trailers(&self) -> bool {
        self.has_trailers
    }

    /// Whether there was PUSH_PROMISE, which a client must not send (RFC 9113 section 8.4). The library decodes and keeps its header
    /// block before it finds that out.
    pub(crate) fn has_push_promise(&self) -> bool {
        self.has_push_promise
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
        let no_more: &[u8] = &[0, 0, 0, 9, 4, 0, 0, 0, 1];
        let whole: &[u8] = &[0, 0, 1, 1, 4, 0, 0, 0, 3, 0x82];
        for (frames, is_open) in [
            (&[settings, whole][..], false),
            (&[settings, headers], true),
            (&[headers, continuation], true),
            (&[headers, continuation, end], false),
            (&[whole, headers], true),
            (&[headers, &end[..9]], true),
            (&[headers, &no_more[..8]], true),
            (&[headers, no_more], false),
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
    fn an_open_block_begins_with_its_headers() {
        let mut scanner = FrameScanner::default();
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let headers = [0, 0, 2, 1, 0, 0, 0, 0, 1, 0x82, 0x84];
        scanner.follow(&[&settings[..], &headers].concat());
        assert_eq!(scanner.block_start(), Some(settings.len()));
        scanner.follow(&[0, 0, 1, 9, 0, 0, 0, 0, 1, 0x86]);
        assert_eq!(scanner.block_start(), None);
        assert!(scanner.is_block_open());

        let mut scanner = FrameScanner::default();
        scanner.follow(&headers[..4]);
        scanner.follow(&headers[4..]);
        assert_eq!(scanner.block_start(), Some(0));
    }

    #[test]
    fn trailers_are_headers_of_a_stream_that_has_some() {
        let headers = |stream| [0, 0, 0, 1, 4, 0x80, 0, 0, stream];
        for (streams, expected) in [(&[1, 3, 7][..], false), (&[1, 3, 1], true), (&[5, 5], true)] {
            let mut scanner = FrameScanner::default();
            for stream in streams {
                scanner.follow(&headers(*stream));
            }
            assert_eq!(scanner.has_trailers(), expected, "{streams:?}");
        }
    }

    #[test]
    fn a_push_promise_is_found_by_its_header() {
        let mut scanner = FrameScanner::default();
        let settings = [0, 0, 1, 4, 0, 0, 0, 0, 0, 5];
        scanner.follow(&settings);
        assert!(!scanner.has_push_promise());
        scanner.follow(&[0, 0x40, 0, 5, 0, 0, 0, 0]);
        assert!(!scanner.has_push_promise());
        scanner.follow(&[1]);
        assert!(scanner.has_push_promise());
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
