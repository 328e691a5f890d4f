//! The values of a document, each borrowed from it.

use crate::jose::json::{JsonDocument, JsonNode, TextRange};

/// One value of a [`JsonDocument`].
#[derive(Clone, Copy)]
pub struct JsonValue<'a> {
    document: &'a JsonDocument,
    nodes: &'a [JsonNode],
}

/// The types of JSON values.
#[derive(Clone, Copy)]
pub enum JsonKind<'a> {
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number. [`JsonValue::raw`] has its digits.
    Number,
    /// A string, unescaped.
    String(&'a str),
    Array(JsonArray<'a>),
    Object(JsonObject<'a>),
}

/// The elements of an array.
#[derive(Clone, Copy)]
pub struct JsonArray<'a> {
    document: &'a JsonDocument,
    /// The nodes of all elements.
    nodes: &'a [JsonNode],
    length: usize,
}

/// The members of an object, in the order of the text.
#[derive(Clone, Copy)]
pub struct JsonObject<'a> {
    document: &'a JsonDocument,
    /// The nodes of all members.
    nodes: &'a [JsonNode],
    length: usize,
}

/// The elements of an array, one after the other.
#[derive(Clone)]
pub struct JsonElements<'a>(JsonArray<'a>);

// === impl JsonDocument ===

impl JsonDocument {
    /// The outermost value.
    pub fn root(&self) -> JsonValue<'_> {
        JsonValue::new(self, &self.nodes)
    }

    /// The outermost value, if it is an object.
    pub fn object(&self) -> Option<JsonObject<'_>> {
        self.root().as_object()
    }
}

// === impl JsonValue ===

impl<'a> JsonValue<'a> {
    /// The value whose nodes these are.
    fn new(document: &'a JsonDocument, nodes: &'a [JsonNode]) -> Self {
        JsonValue { document, nodes }
    }

    /// The value by its type.
    pub fn kind(self) -> JsonKind<'a> {
        let (document, Some((node, nodes))) = (self.document, self.nodes.split_first()) else {
            return JsonKind::Null;
        };
        let length = node.count as usize;
        // The first byte of a value tells its type.
        match document.text.as_bytes().get(node.place.start as usize) {
            Some(b'"') => JsonKind::String(document.text_in(content(self.nodes))),
            Some(b'{') => JsonKind::Object(JsonObject {
                document,
                nodes,
                length,
            }),
            Some(b'[') => JsonKind::Array(JsonArray {
                document,
                nodes,
                length,
            }),
            Some(b't') => JsonKind::Bool(true),
            Some(b'f') => JsonKind::Bool(false),
            Some(b'-' | b'0'..=b'9') => JsonKind::Number,
            _ => JsonKind::Null,
        }
    }

    /// The original text of the value.
    pub fn raw(self) -> &'a str {
        let own = self.nodes.first();
        own.map_or("", |node| self.document.text_in(node.place))
    }

    /// A number as the nearest double. `None` if the value is not a number.
    pub fn number(self) -> Option<f64> {
        match self.kind() {
            JsonKind::Number => self.raw().parse().ok(),
            _ => None,
        }
    }

    /// The unescaped text, if this is a string.
    pub fn as_str(self) -> Option<&'a str> {
        match self.kind() {
            JsonKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Where the unescaped text is in the document, if this is a string: to be kept without a copy.
    pub(crate) fn text_range(self) -> Option<TextRange> {
        self.as_str().map(|_| content(self.nodes))
    }

    pub fn is_null(self) -> bool {
        matches!(self.kind(), JsonKind::Null)
    }

    /// The members, if this is an object.
    pub fn as_object(self) -> Option<JsonObject<'a>> {
        match self.kind() {
            JsonKind::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(self) -> Option<JsonArray<'a>> {
        match self.kind() {
            JsonKind::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether this is an object that has a member twice. Values inside it do not count.
    pub(crate) fn names_a_member_twice(self) -> bool {
        let duplicates = &self.document.duplicates;
        let own = self.nodes.first();
        own.is_some_and(|node| duplicates.binary_search(&node.place.start).is_ok())
    }

    /// Whether an object in this value has a member twice, at any depth.
    pub(crate) fn has_duplicates(self) -> bool {
        let duplicates = &self.document.duplicates;
        self.nodes.first().is_some_and(|node| {
            let first = duplicates.partition_point(|start| *start < node.place.start);
            duplicates
                .get(first)
                .is_some_and(|start| *start < node.place.end)
        })
    }
}

// === impl JsonArray ===

impl<'a> JsonArray<'a> {
    pub fn len(self) -> usize {
        self.length
    }

    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// The element at this index. The elements before it are passed over one by one, unless each element has one node, as
    /// numbers and most strings have.
    pub(crate) fn get(self, index: usize) -> Option<JsonValue<'a>> {
        if self.nodes.len() == self.length {
            let node = self.nodes.get(index)?;
            return Some(JsonValue::new(self.document, std::slice::from_ref(node)));
        }
        self.iter().nth(index)
    }

    /// About how many elements [`JsonArray::get`] reads.
    pub(crate) fn steps_to(self, index: usize) -> usize {
        if self.nodes.len() == self.length {
            1
        } else {
            index.min(self.length)
        }
    }

    /// The elements in order.
    pub fn iter(self) -> JsonElements<'a> {
        JsonElements(self)
    }
}

impl<'a> IntoIterator for JsonArray<'a> {
    type Item = JsonValue<'a>;
    type IntoIter = JsonElements<'a>;

    fn into_iter(self) -> JsonElements<'a> {
        self.iter()
    }
}

impl<'a> Iterator for JsonElements<'a> {
    type Item = JsonValue<'a>;

    fn next(&mut self) -> Option<JsonValue<'a>> {
        let (nodes, rest) = split_first_value(self.0.nodes)?;
        self.0.nodes = rest;
        Some(JsonValue::new(self.0.document, nodes))
    }
}

// === impl JsonObject ===

impl<'a> JsonObject<'a> {
    /// An object without members.
    pub(crate) fn empty(document: &'a JsonDocument) -> JsonObject<'a> {
        JsonObject {
            document,
            nodes: &[],
            length: 0,
        }
    }

    /// The number of members.
    pub(crate) fn len(self) -> usize {
        self.length
    }

    /// The first member of this name.
    pub fn get(self, name: &str) -> Option<JsonValue<'a>> {
        let name = name.as_bytes();
        let mut members = members(self.nodes);
        members.find_map(|(member, value)| {
            let place = content(member).bytes();
            // Most names of a claims set have three letters, so the last one is compared before the others.
            let is_named = place.len() == name.len() && {
                let own = self.document.text.as_bytes().get(place).unwrap_or_default();
                own.last() == name.last() && own == name
            };
            is_named.then(|| JsonValue::new(self.document, value))
        })
    }

    /// The member of this name, unless it is `null`: serializers write unset members as `null` (CONTRACT 4.4.2).
    pub(crate) fn get_non_null(self, name: &str) -> Option<JsonValue<'a>> {
        self.get(name).filter(|value| !value.is_null())
    }

    /// The members in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, JsonValue<'a>)> {
        members(self.nodes).map(move |(name, value)| {
            let name = self.document.text_in(content(name));
            (name, JsonValue::new(self.document, value))
        })
    }
}

/// Where the unescaped text of a string is. A string with an escape has a node for it.
fn content(string: &[JsonNode]) -> TextRange {
    match string {
        [_, unescaped, ..] => unescaped.place,
        [node] => node.place.inside(),
        [] => TextRange { start: 0, end: 0 },
    }
}

/// The nodes of the name and of the value of each member.
fn members(mut nodes: &[JsonNode]) -> impl Iterator<Item = (&[JsonNode], &[JsonNode])> {
    std::iter::from_fn(move || {
        let (name, rest) = split_first_value(nodes)?;
        let (value, rest) = split_first_value(rest)?;
        nodes = rest;
        Some((name, value))
    })
}

/// The nodes of the first value, and the nodes after it.
fn split_first_value(nodes: &[JsonNode]) -> Option<(&[JsonNode], &[JsonNode])> {
    let size = nodes.first()?.size;
    nodes.split_at_checked(size as usize)
}
