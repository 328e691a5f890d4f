//! A list of texts of the configuration, of which a token must have one.

use std::fmt;
use std::ops::Deref;

use foldhash::{HashSet, HashSetExt as _};

/// The longest list whose members are compared one by one. That is faster than a look-up, and a list has two or three members.
pub(crate) const MAX_COMPARED: usize = 16;

/// The texts in their order. A text is found in constant time in a long list: the author of a rules file chooses the list, and a
/// token can have thousands of values to compare with it.
#[derive(Clone, Default)]
pub struct AcceptedTexts {
    texts: Vec<String>,
    /// `None` for a short list.
    index: Option<HashSet<Box<str>>>,
}

impl AcceptedTexts {
    pub fn contains(&self, text: &str) -> bool {
        match &self.index {
            Some(index) => index.contains(text),
            None => self.texts.iter().any(|own| own == text),
        }
    }
}

impl From<Vec<String>> for AcceptedTexts {
    fn from(texts: Vec<String>) -> AcceptedTexts {
        let index = (texts.len() > MAX_COMPARED).then(|| {
            let mut index = HashSet::with_capacity(texts.len());
            index.extend(texts.iter().map(|text| Box::from(text.as_str())));
            index
        });
        AcceptedTexts { texts, index }
    }
}

impl Deref for AcceptedTexts {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.texts
    }
}

impl fmt::Debug for AcceptedTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.texts.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{AcceptedTexts, MAX_COMPARED};

    #[test]
    fn a_long_list_contains_what_a_short_one_contains() {
        for count in [0, 1, MAX_COMPARED, MAX_COMPARED + 1, 1_000] {
            let texts: Vec<String> = (0..count).map(|number| format!("t{number}")).collect();
            let list = AcceptedTexts::from(texts.clone());
            assert_eq!(list.index.is_some(), count > MAX_COMPARED);
            assert!(texts.iter().all(|text| list.contains(text)), "{count}");
            for other in ["", "t", "T0", "t0 ", &format!("t{count}")] {
                assert!(!list.contains(other), "{count} {other}");
            }
            assert_eq!(format!("{list:?}"), format!("{texts:?}"));
            assert_eq!(*list, texts);
        }
    }
}
