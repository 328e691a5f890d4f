//! Dynamic metadata without lists and mappings (CONTRACT 9.4): texts and numbers by name.

use std::fmt;

use crate::authn::token_metadata::MetadataValue;

/// The text of all names and texts is in one piece of memory: a cached token keeps it.
#[derive(Default)]
pub struct FlatMetadata {
    /// Each name, and its text after it.
    content: String,
    /// Where each name and its text end in `content`. They begin where the one before ends.
    ends: Vec<(usize, usize)>,
    numbers: Vec<(Box<str>, f64)>,
}

impl FlatMetadata {
    pub fn of<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a MetadataValue<'a>)>,
    ) -> FlatMetadata {
        let mut flat = FlatMetadata::default();
        for (name, value) in fields {
            flat.push(name, value);
        }
        flat.content.shrink_to_fit();
        flat.ends.shrink_to_fit();
        flat.numbers.shrink_to_fit();
        flat
    }

    /// A list of texts is joined by spaces, as scopes are; a mapping gives `NAME.MEMBER` for each member that is a scalar. A boolean
    /// becomes a text. Nothing else has a flat form.
    pub fn push(&mut self, name: &str, value: &MetadataValue<'_>) {
        match value {
            MetadataValue::List(values) => {
                let texts = values.iter().map(|value| match value {
                    MetadataValue::Text(text) => Some(&**text),
                    _ => None,
                });
                if let Some(texts) = texts.collect::<Option<Vec<_>>>() {
                    self.push_text(name, &texts.join(" "));
                }
            }
            MetadataValue::Map(members) => {
                for (member, value) in members {
                    self.push_scalar(&format!("{name}.{member}"), value);
                }
            }
            scalar => self.push_scalar(name, scalar),
        }
    }

    pub fn push_text(&mut self, name: &str, text: &str) {
        self.content.push_str(name);
        let name_end = self.content.len();
        self.content.push_str(text);
        self.ends.push((name_end, self.content.len()));
    }

    fn push_scalar(&mut self, name: &str, value: &MetadataValue<'_>) {
        match value {
            MetadataValue::Text(text) => self.push_text(name, text),
            MetadataValue::Number(number) => self.numbers.push((name.into(), *number)),
            MetadataValue::Bool(true) => self.push_text(name, "true"),
            MetadataValue::Bool(false) => self.push_text(name, "false"),
            MetadataValue::Null | MetadataValue::List(_) | MetadataValue::Map(_) => {}
        }
    }

    /// Each name and its text, in the order in which they were pushed.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ends.iter().scan(0, |start, (name_end, end)| {
            let name = self.content.get(*start..*name_end)?;
            let text = self.content.get(*name_end..*end)?;
            *start = *end;
            Some((name, text))
        })
    }

    /// The number of [`FlatMetadata::texts`].
    pub fn text_count(&self) -> usize {
        self.ends.len()
    }

    /// Each name and its number.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, f64)> {
        let numbers = self.numbers.iter();
        numbers.map(|(name, number)| (&**name, *number))
    }

    /// About how many bytes it occupies.
    pub(in crate::authn) fn weight(&self) -> usize {
        let numbers = self.numbers.iter();
        let numbers: usize = numbers
            .map(|(name, _)| size_of::<(Box<str>, f64)>() + name.len())
            .sum();
        let ends = self.ends.capacity() * size_of::<(usize, usize)>();
        size_of::<Self>() + self.content.capacity() + ends + numbers
    }
}

impl fmt::Debug for FlatMetadata {
    /// Shows no content: it has claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlatMetadata(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::FlatMetadata;
    use crate::authn::token_metadata::MetadataValue;

    fn text(text: &str) -> MetadataValue<'_> {
        MetadataValue::Text(text.into())
    }

    #[test]
    fn scalars_lists_of_texts_and_members_of_mappings_become_texts_and_numbers() {
        fn list<'a>(values: &[MetadataValue<'a>]) -> MetadataValue<'a> {
            MetadataValue::List(values.to_vec())
        }
        fn member<'a>(
            name: &'a str,
            value: MetadataValue<'a>,
        ) -> (Cow<'a, str>, MetadataValue<'a>) {
            (name.into(), value)
        }
        let mapping = MetadataValue::Map(vec![
            member("b", text("ü")),
            member("number", MetadataValue::Number(0.5)),
            member("list", list(&[text("x")])),
            member("deeper", MetadataValue::Map(vec![member("c", text("x"))])),
        ]);
        let (joined, mixed) = (
            list(&[text("x"), text("y z")]),
            list(&[text("x"), MetadataValue::Null]),
        );
        let flat = FlatMetadata::of([
            ("empty", &text("")),
            ("none", &MetadataValue::Null),
            ("joined", &joined),
            ("no_elements", &list(&[])),
            ("mixed", &mixed),
            ("a", &mapping),
            ("is", &MetadataValue::Bool(true)),
            ("is_not", &MetadataValue::Bool(false)),
            ("seconds", &MetadataValue::Number(1.79e9)),
        ]);
        let texts: Vec<_> = flat.texts().collect();
        assert_eq!(
            texts,
            [
                ("empty", ""),
                ("joined", "x y z"),
                ("no_elements", ""),
                ("a.b", "ü"),
                ("is", "true"),
                ("is_not", "false")
            ]
        );
        let numbers: Vec<_> = flat.numbers().collect();
        assert_eq!(numbers, [("a.number", 0.5), ("seconds", 1.79e9)]);
    }

    #[test]
    fn the_weight_counts_everything_that_is_kept() {
        let weight = |length: usize| {
            let (content, seconds) = ("x".repeat(length), MetadataValue::Number(5.0));
            FlatMetadata::of([("a", &text(&content)), ("seconds", &seconds)]).weight()
        };
        let own = size_of::<FlatMetadata>();
        let (texts, numbers) = ("a".len() + 16, 24 + "seconds".len());
        assert_eq!(weight(10), own + texts + numbers + 10);
        assert_eq!(weight(1_010) - weight(10), 1_000);
        assert!(!format!("{:?}", FlatMetadata::of([("a", &text("x"))])).contains('x'));
    }
}
