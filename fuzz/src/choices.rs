//! Decisions that a fuzzer takes: its input, read as choices among things that make sense together.

use arbitrary::Unstructured;

/// The rest of an input. When it is used up, every choice is the first one.
#[derive(Debug)]
pub struct Choices<'a>(Unstructured<'a>);

impl<'a> Choices<'a> {
    pub fn new(input: &'a [u8]) -> Choices<'a> {
        Choices(Unstructured::new(input))
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.int_in_range(0..=bound - 1).unwrap_or_default()
    }

    /// True in one of `cases` cases.
    pub fn one_in(&mut self, cases: usize) -> bool {
        self.below(cases) + 1 == cases
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// At most `most` bytes of the input.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = self.below(most + 1).min(self.0.len());
        self.0.bytes(length).unwrap_or_default()
    }

    /// At most `most` bytes of the input, as text.
    pub fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies up to four edits to a text. `words` are texts that matter to its reader.
    pub fn edit(&mut self, text: &mut Vec<u8>, words: &[&str]) {
        for _ in 0..=self.below(4) {
            let at = self.below(text.len() + 1);
            let end = (at + self.below(16)).min(text.len());
            match self.below(6) {
                0 => drop(text.splice(at..at, self.pick(words).bytes())),
                1 => drop(text.splice(at..end, self.pick(words).bytes())),
                2 => drop(text.drain(at..end)),
                3 => {
                    let copy = text[at..end].to_vec();
                    let to = self.below(text.len() + 1);
                    text.splice(to..to, copy);
                }
                4 => {
                    let bytes = self.bytes(4);
                    let end = (at + bytes.len()).min(text.len());
                    text.splice(at..end, bytes.iter().copied());
                }
                _ => text.truncate(at),
            }
        }
    }
}
