//! The limits of the size of a tree. An alias repeats its value, so a short text can become a large document.

use thiserror::Error;

use crate::config::yaml::tree::{YamlNode, YamlValue};

/// The size of one tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// The number of values, the tree itself included.
    pub(crate) nodes: usize,
    /// The bytes of all its texts.
    pub bytes: usize,
    /// The depth of the tree. A scalar has the depth 0.
    pub(crate) height: usize,
}

/// The size of the tree so far.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    nodes: usize,
    bytes: usize,
}

/// The limit that a tree exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum BudgetError {
    #[error("with its aliases written out, the document has over {MAX_NODES} keys and values")]
    Nodes,
    #[error("with its aliases written out, the document is over {} MiB", MAX_EXPANDED_BYTES >> 20)]
    Bytes,
    #[error("this is nested more than {MAX_DEPTH} deep")]
    Depth,
}

/// The maximum length of a text, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
const MAX_NODES: usize = 100_000;
const MAX_DEPTH: usize = 64;
/// The maximum length with aliases written out, in bytes.
const MAX_EXPANDED_BYTES: usize = 4 * MAX_BYTES;

impl Budget {
    /// Adds the size of a tree that is inside `depth` collections.
    ///
    /// # Errors
    /// The limit that the tree would exceed.
    pub(crate) fn spend(&mut self, weight: Weight, depth: usize) -> Result<(), BudgetError> {
        self.nodes = self.nodes.saturating_add(weight.nodes);
        self.bytes = self.bytes.saturating_add(weight.bytes);
        if self.nodes > MAX_NODES {
            return Err(BudgetError::Nodes);
        }
        if self.bytes > MAX_EXPANDED_BYTES {
            return Err(BudgetError::Bytes);
        }
        if depth + weight.height > MAX_DEPTH {
            return Err(BudgetError::Depth);
        }
        Ok(())
    }
}

impl Weight {
    /// The size of a scalar of that many bytes.
    pub(crate) fn of_scalar(bytes: usize) -> Weight {
        Weight {
            nodes: 1,
            bytes,
            height: 0,
        }
    }

    /// The size of an empty collection.
    pub(crate) fn of_collection() -> Weight {
        Weight {
            nodes: 1,
            bytes: 0,
            height: 1,
        }
    }

    /// The size of a whole tree.
    pub(crate) fn of(node: &YamlNode) -> Weight {
        let mut whole = Weight::of_collection();
        match &node.value {
            YamlValue::String(text) => return Weight::of_scalar(text.len()),
            YamlValue::Sequence(items) => items.iter().for_each(|item| whole.add(0, item)),
            YamlValue::Mapping(members) => members
                .iter()
                .for_each(|(key, member)| whole.add(key.name.len(), member)),
            _ => return Weight::of_scalar(0),
        }
        whole
    }

    fn add(&mut self, key_bytes: usize, child: &YamlNode) {
        let child = Weight::of(child);
        self.nodes += child.nodes;
        self.bytes += key_bytes + child.bytes;
        self.height = self.height.max(child.height + 1);
    }
}
