//! The line of each key path of a document, and whether its value came from the environment.

use crate::config::path;
use crate::config::yaml::tree::{Origin, YamlKey, YamlNode, YamlValue};

/// Finds the line and column of a key path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Locations {
    root: Option<LocatedNode>,
}

#[derive(Clone, Debug)]
struct LocatedNode {
    line: usize,
    column: usize,
    /// Whether this value, or a value in it, came from the environment.
    is_from_environment: bool,
    below: LocatedChildren,
}

#[derive(Clone, Debug)]
enum LocatedChildren {
    Nothing,
    Items(Vec<LocatedNode>),
    Members(Vec<(String, LocatedNode)>),
}

impl Locations {
    /// The places of a whole document.
    pub(crate) fn of(root: &YamlNode) -> Locations {
        Locations {
            root: Some(LocatedNode::of(None, root)),
        }
    }

    /// Line and column of a path such as `issuers[0].claim_headers.x-jwt-sub`, or else of its nearest ancestor that
    /// exists. `None` without a document.
    pub(crate) fn locate(&self, path: &str) -> Option<(usize, usize)> {
        self.find(path).map(|place| (place.line, place.column))
    }

    /// Whether the value of a path, or of its nearest ancestor that exists, came from the environment, wholly or in part.
    pub(crate) fn is_from_environment(&self, path: &str) -> bool {
        self.find(path)
            .is_some_and(|place| place.is_from_environment)
    }

    fn find(&self, path: &str) -> Option<&LocatedNode> {
        let mut place = self.root.as_ref()?;
        let mut rest = path;
        while let Some((below, after)) = place.step(rest) {
            place = below;
            rest = after;
        }
        Some(place)
    }
}

impl LocatedNode {
    /// The place of a scalar is its beginning. The place of a collection is its key, where people look for it.
    fn of(key: Option<&YamlKey>, node: &YamlNode) -> LocatedNode {
        let below = match &node.value {
            YamlValue::Sequence(items) => LocatedChildren::Items(
                items
                    .iter()
                    .map(|item| LocatedNode::of(None, item))
                    .collect(),
            ),
            YamlValue::Mapping(members) => LocatedChildren::Members(
                members
                    .iter()
                    .map(|(key, node)| (key.name.clone(), LocatedNode::of(Some(key), node)))
                    .collect(),
            ),
            _ => LocatedChildren::Nothing,
        };
        let is_below = match &below {
            LocatedChildren::Nothing => false,
            LocatedChildren::Items(items) => items.iter().any(|item| item.is_from_environment),
            LocatedChildren::Members(members) => {
                members.iter().any(|(_, node)| node.is_from_environment)
            }
        };
        let (line, column) = match (key, &below) {
            (Some(key), LocatedChildren::Items(_) | LocatedChildren::Members(_)) => {
                (key.line, key.column)
            }
            _ => (node.line, node.column),
        };
        LocatedNode {
            line,
            column,
            is_from_environment: is_below || node.origin == Origin::Environment,
            below,
        }
    }

    /// The node one segment further down, and the rest of the path.
    fn step<'a>(&self, rest: &'a str) -> Option<(&LocatedNode, &'a str)> {
        match &self.below {
            LocatedChildren::Nothing => None,
            LocatedChildren::Items(items) => {
                let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, after))
            }
            LocatedChildren::Members(members) => {
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                members.iter().find_map(|(name, place)| {
                    let after = rest.strip_prefix(path::member("", name).as_str())?;
                    (after.is_empty() || after.starts_with(['.', '['])).then_some((place, after))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Locations;

    #[test]
    fn locations_without_a_document_give_no_line() {
        assert_eq!(Locations::default().locate("issuers[0].issuer"), None);
    }
}
