//! How large a tree may grow: an alias repeats what it names, so a short text can be a long document.

use thiserror::Error;

use crate::config::yaml::tree::{YamlNode, YamlValue};

/// The weight of one tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// How many values it has, itself counted.
    pub(crate) nodes: usize,
    /// How long its texts are together.
    pub bytes: usize,
    /// How deep it is; a scalar has no depth.
    pub(crate) height: usize,
}

/// What is spent so far.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    nodes: usize,
    bytes: usize,
}

/// Which bound was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum BudgetError {
    #[error("aliases counted, the document has over {MAX_NODES} keys and values")]
    Nodes,
    #[error("aliases counted, the document is over {} MiB", MAX_EXPANDED_BYTES >> 20)]
    Bytes,
    #[error("this is nested more than {MAX_DEPTH} deep")]
    Depth,
}

/// How long a text may be.
pub const MAX_BYTES: usize = 4 << 20;
const MAX_NODES: usize = 100_000;
const MAX_DEPTH: usize = 64;
/// Aliases repeat text as well as nodes.
const MAX_EXPANDED_BYTES: usize = 4 * MAX_BYTES;

impl Budget {
    /// Takes a tree that is to be added below `depth` collections.
    ///
    /// # Errors
    /// The bound that it would pass.
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
    /// The weight of a scalar of that many bytes.
    pub(crate) fn of_scalar(bytes: usize) -> Weight {
        Weight {
            nodes: 1,
            bytes,
            height: 0,
        }
    }

    /// The weight of a collection before anything is in it.
    pub(crate) fn of_collection() -> Weight {
        Weight {
            nodes: 1,
            bytes: 0,
            height: 1,
        }
    }

    /// The weight of a whole tree.
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
