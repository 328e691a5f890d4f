//! Writes a protobuf message field by field into one buffer, without building values of the generated types first.

/// A protobuf message being written. Its methods append fields in the order of the calls.
///
/// The fields of two messages of one type, one after the other, are the fields of one message: parts that were encoded earlier
/// are appended as they are.
#[derive(Debug, Default)]
pub struct MessageWriter(Vec<u8>);

/// The wire types of protobuf.
#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Delimited = 2,
}

impl MessageWriter {
    /// Writes after these bytes, which are no part of the message.
    pub fn after(bytes: Vec<u8>) -> MessageWriter {
        MessageWriter(bytes)
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Fields that were encoded before.
    pub fn append(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    /// A field of type `string`.
    pub fn text(&mut self, number: u32, text: &str) {
        self.key_and_length(number, text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    /// A field of an unsigned type, of type `bool`, or of an enumeration.
    pub fn varint(&mut self, number: u32, value: u64) {
        self.key(number, WireType::Varint);
        self.raw_varint(value);
    }

    /// A field of type `double`.
    pub fn double(&mut self, number: u32, value: f64) {
        self.key(number, WireType::Fixed64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// The beginning of a field that is a message of this size. The caller writes the fields of the message next.
    pub fn begin(&mut self, number: u32, size: usize) {
        self.key_and_length(number, size);
    }

    /// A field that is a message, whose fields `write` writes.
    pub fn message(&mut self, number: u32, write: impl FnOnce(&mut MessageWriter)) {
        self.key(number, WireType::Delimited);
        let start = self.0.len();
        // The length comes first and is known last. Most messages are so short that it takes one byte.
        self.0.push(0);
        write(self);
        let length = self.0.len() - start - 1;
        if let (Ok(byte @ 0..0x80), Some(prefix)) = (u8::try_from(length), self.0.get_mut(start)) {
            *prefix = byte;
            return;
        }
        let mut prefix = [0; MAX_VARINT];
        let size = varint(length as u64, &mut prefix);
        let end = self.0.len();
        self.0.resize(end + size - 1, 0);
        self.0.copy_within(start + 1..end, start + size);
        for (to, from) in self.0.iter_mut().skip(start).zip(prefix).take(size) {
            *to = from;
        }
    }

    #[inline]
    fn key_and_length(&mut self, number: u32, length: usize) {
        let key = u64::from(number) << 3 | WireType::Delimited as u64;
        match (u8::try_from(key), u8::try_from(length)) {
            // Almost every field.
            (Ok(key @ 0..0x80), Ok(length @ 0..0x80)) => self.0.extend_from_slice(&[key, length]),
            _ => {
                self.raw_varint(key);
                self.raw_varint(length as u64);
            }
        }
    }

    #[inline]
    fn key(&mut self, number: u32, wire_type: WireType) {
        self.raw_varint(u64::from(number) << 3 | wire_type as u64);
    }

    #[inline]
    fn raw_varint(&mut self, value: u64) {
        match u8::try_from(value) {
            // Every key, and most lengths.
            Ok(byte @ 0..0x80) => self.0.push(byte),
            _ => self.long_varint(value),
        }
    }

    fn long_varint(&mut self, value: u64) {
        let mut bytes = [0; MAX_VARINT];
        let size = varint(value, &mut bytes);
        self.0.extend(bytes.into_iter().take(size));
    }
}

/// The bytes of a field of type `string` with a number below 16, its key and its length included.
pub fn text_size(text: &str) -> usize {
    message_size(text.len())
}

/// The same for a field that is a message of this size.
pub fn message_size(size: usize) -> usize {
    1 + varint_size(size as u64) + size
}

/// The bytes of a varint.
fn varint_size(value: u64) -> usize {
    match value.checked_ilog2() {
        Some(highest_bit) => highest_bit as usize / 7 + 1,
        None => 1,
    }
}

/// The longest varint, in bytes.
const MAX_VARINT: usize = 10;

/// Writes a varint, and returns its size in bytes.
fn varint(mut value: u64, bytes: &mut [u8; MAX_VARINT]) -> usize {
    let mut size = 0;
    for byte in bytes {
        size += 1;
        *byte = value as u8 & 0x7f;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    size
}

#[cfg(test)]
mod tests {
    use envoy_types::pb::google::protobuf::{DoubleValue, StringValue, UInt64Value};
    use envoy_types::pb::google::rpc::Status;
    use prost::Message as _;

    use super::{MessageWriter, text_size};

    #[test]
    fn each_kind_of_field_is_written_as_prost_writes_it() {
        for value in [1, 0x7f, 0x80, 0x3fff, 0x4000, u64::from(u32::MAX), u64::MAX] {
            let mut writer = MessageWriter::default();
            writer.varint(1, value);
            assert_eq!(writer.into_bytes(), UInt64Value { value }.encode_to_vec());
        }
        for value in [1.0, -0.5, f64::MAX] {
            let mut writer = MessageWriter::default();
            writer.double(1, value);
            assert_eq!(writer.into_bytes(), DoubleValue { value }.encode_to_vec());
        }
        for length in [1, 127, 128, 16_383, 16_384, 3_000_000] {
            let value = "x".repeat(length);
            let mut writer = MessageWriter::default();
            writer.text(1, &value);
            let expected = StringValue { value }.encode_to_vec();
            assert_eq!(writer.into_bytes(), expected, "{length}");
        }
    }

    #[test]
    fn the_size_of_a_text_is_known_before_it_is_written() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let text = "x".repeat(length);
            let mut writer = MessageWriter::default();
            writer.text(15, &text);
            assert_eq!(writer.into_bytes().len(), text_size(&text), "{length}");
        }
    }

    #[test]
    fn messages_of_every_length_are_nested() {
        for length in [
            0, 1, 122, 123, 124, 125, 126, 127, 128, 16_380, 16_384, 3_000_000,
        ] {
            let text = "x".repeat(length);
            let inner = prost_types::Any {
                type_url: text.clone(),
                ..prost_types::Any::default()
            };
            let status = Status {
                message: "m".to_owned(),
                details: vec![envoy_types::pb::google::protobuf::Any {
                    type_url: inner.type_url,
                    value: Vec::new(),
                }],
                code: 0,
            };
            let mut writer = MessageWriter::default();
            writer.text(2, "m");
            writer.message(3, |any| {
                if length > 0 {
                    any.text(1, &text);
                }
            });
            assert_eq!(writer.into_bytes(), status.encode_to_vec(), "{length}");
        }
    }
}
