//! Reads a protobuf message field by field and builds nothing: decoded values can take a hundred times the memory of their
//! message.

/// The bytes are not a protobuf message, or not one of the expected type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The largest field number (2^29 - 1).
const LARGEST_NUMBER: u32 = (1 << 29) - 1;

/// The fields of a message, in order. It ends at the first field that cannot be read.
pub struct Fields<'a>(&'a [u8]);

#[derive(Clone, Copy)]
pub struct Field<'a> {
    pub number: u32,
    content: Content<'a>,
}

#[derive(Clone, Copy)]
enum Content<'a> {
    /// Text, bytes or a message.
    Delimited(&'a [u8]),
    /// A number. No field that accredit reads is one.
    Scalar,
}

impl<'a> Fields<'a> {
    pub fn of(message: &'a [u8]) -> Fields<'a> {
        Fields(message)
    }

    /// A text, bytes or a message of less than 128 bytes with a one-byte key, as almost every field is. `None` for any other.
    #[inline(always)]
    fn short_field(&mut self) -> Option<Field<'a>> {
        let (&[key, length], rest) = self.0.split_first_chunk()?;
        if key & 0x87 != 2 || key < 1 << 3 || length >= 0x80 {
            return None;
        }
        let (content, rest) = rest.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(Field {
            number: u32::from(key >> 3),
            content: Content::Delimited(content),
        })
    }

    /// The field 1 and the field of this number of a message that has nothing else, both short. `None` for any other message.
    #[inline(always)]
    pub fn short_pair(mut self, number: u32) -> Option<(Field<'a>, Field<'a>)> {
        let (first, second) = (self.short_field()?, self.short_field()?);
        let is_whole = first.number == 1 && second.number == number && self.0.is_empty();
        is_whole.then_some((first, second))
    }

    fn field(&mut self) -> Result<Field<'a>, Malformed> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| Malformed)?;
        let content = match key & 7 {
            0 => {
                self.varint()?;
                Content::Scalar
            }
            1 => self.scalar(8)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Content::Delimited(self.take(length)?)
            }
            5 => self.scalar(4)?,
            // Groups, which Envoy's messages do not have, and undefined types.
            _ => return Err(Malformed),
        };
        // Some decoders refuse a larger tag; others ignore its upper bits.
        if !(1..=LARGEST_NUMBER).contains(&number) {
            return Err(Malformed);
        }
        Ok(Field { number, content })
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        match self.0.split_first() {
            // Almost every key, and the length of most texts.
            Some((byte @ 0..0x80, rest)) => {
                self.0 = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().ok_or(Malformed)?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn scalar(&mut self, length: usize) -> Result<Content<'a>, Malformed> {
        self.take(length).map(|_| Content::Scalar)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(field) = self.short_field() {
            return Some(Ok(field));
        }
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

// === impl Field ===

impl<'a> Field<'a> {
    /// # Errors
    /// [`Malformed`] if the field is a number.
    pub fn bytes(self) -> Result<&'a [u8], Malformed> {
        match self.content {
            Content::Delimited(bytes) => Ok(bytes),
            Content::Scalar => Err(Malformed),
        }
    }

    /// # Errors
    /// [`Malformed`] if the field is not UTF-8 text.
    pub fn text(self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    /// The bytes of a text, which are UTF-8.
    ///
    /// # Errors
    /// [`Malformed`] if the field is not UTF-8 text.
    pub fn text_bytes(self) -> Result<&'a [u8], Malformed> {
        let bytes = self.bytes()?;
        // Almost every text is ASCII, which is seen in a third of the instructions that checking UTF-8 takes.
        if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() {
            Ok(bytes)
        } else {
            Err(Malformed)
        }
    }

    /// The fields of the message in this field.
    ///
    /// # Errors
    /// [`Malformed`] if the field is a number.
    pub fn fields(self) -> Result<Fields<'a>, Malformed> {
        self.bytes().map(Fields::of)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, Malformed};

    /// The number and the text of each field; a scalar has no text.
    fn read(message: &[u8]) -> Result<Vec<(u32, Option<&str>)>, Malformed> {
        Fields::of(message)
            .map(|field| field.map(|field| (field.number, field.text().ok())))
            .collect()
    }

    #[test]
    fn protobuf_fields_of_every_wire_type_are_read() {
        assert_eq!(read(b""), Ok(vec![]));
        let all = b"\x0a\x01a\x10\x96\x01\x19ABCDEFGH\x25ABCD\x0a\x00";
        let expected = [
            (1, Some("a")),
            (2, None),
            (3, None),
            (4, None),
            (1, Some("")),
        ];
        assert_eq!(read(all), Ok(expected.to_vec()));
        assert_eq!(
            read(b"\xfa\xff\xff\xff\x0f\x00"),
            Ok(vec![(536_870_911, Some(""))]),
            "the largest number"
        );
        assert_eq!(
            read(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
            Ok(vec![(1, None)]),
            "minus one"
        );
    }

    #[test]
    fn malformed_protobuf_messages_are_errors() {
        for message in [
            &b"\x0a"[..],
            b"\x0a\x02a",
            b"\x80",
            b"\x00",
            b"\x02\x00",
            b"\x0b\x0c",
            b"\x0c",
            b"\x0e\x00",
            b"\x0f\x00",
            b"\x09ABCDEFG",
            b"\x0dABC",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x80\x00",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x8a\x80\x80\x80\x10\x00",
        ] {
            assert_eq!(read(message), Err(Malformed), "{message:x?}");
            let fields = Fields::of(message).take(100);
            assert_eq!(fields.count(), 1, "{message:x?} ends there");
        }
    }
}
