//! Finds members of an object that have one name.

use crate::jose::json::reader::JsonReader;

impl JsonReader<'_> {
    /// The offset of a member whose name an earlier member of the object has. `None` if all names differ. Names are compared after
    /// unescaping: `"a"` and `"\u0061"` are the same name.
    pub(in crate::jose::json::reader) fn duplicate_member(&self, object: usize) -> Option<u32> {
        let count = self.read.nodes.get(object)?.count;
        let names = || self.names(object);
        // Of a few members, those whose bit another one has are compared with the earlier ones. Many are sorted, so that a hostile
        // object costs no quadratic time.
        if count <= 16 {
            let mut bits = 0;
            return names().enumerate().find_map(|(at, (name, start))| {
                let bit = bit(name);
                let is_new = bits & bit == 0;
                bits |= bit;
                let mut earlier = names().take(at);
                (!is_new && earlier.any(|(other, _)| other == name)).then_some(start)
            });
        }
        let mut names: Vec<(&[u8], u32)> = names().collect();
        names.sort_unstable();
        names.windows(2).find_map(|pair| match pair {
            [(one, _), (other, start)] if one == other => Some(*start),
            _ => None,
        })
    }

    /// The unescaped name of each member of an object, and where the member begins.
    fn names(&self, object: usize) -> impl Iterator<Item = (&[u8], u32)> {
        let mut at = object + 1;
        let nodes = &self.read.nodes;
        std::iter::from_fn(move || {
            let name = nodes.get(at)?;
            let value = at + name.size as usize;
            let unescaped = (name.size == 2).then(|| nodes.get(at + 1)).flatten();
            at = value + nodes.get(value)?.size as usize;
            let text = match unescaped {
                None => self.text.as_bytes().get(name.place.inside().bytes()),
                Some(node) => {
                    let place = node.place.bytes();
                    let [start, end] =
                        [place.start, place.end].map(|offset| offset.checked_sub(self.text.len()));
                    self.read.unescaped.as_bytes().get(start?..end?)
                }
            };
            Some((text?, name.place.start))
        })
    }
}

/// A bit that equal texts have in common. Most other texts have another bit.
fn bit(text: &[u8]) -> u64 {
    let [first, last] = [text.first(), text.last()].map(|byte| byte.map_or(0, |b| *b));
    1 << ((text.len() * 5 + usize::from(first) + usize::from(last) * 3) % 64)
}
