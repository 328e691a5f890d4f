//! Where each key path of a document stands in its text; knows no values.

use crate::config::path;
use crate::config::yaml::tree::{Key, Node, Value};

/// Finds the line and column of a key path.
#[derive(Clone, Debug, Default)]
pub struct Locations {
    root: Option<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    line: usize,
    column: usize,
    below: Below,
}

#[derive(Clone, Debug)]
enum Below {
    Nothing,
    Items(Vec<Place>),
    Members(Vec<(String, Place)>),
}

impl Locations {
    /// The places of a whole document.
    pub fn of(root: &Node) -> Locations {
        Locations {
            root: Some(Place::of(None, root)),
        }
    }

    /// Line and column of a path such as `issuers[0].claim_headers.x-jwt-sub`, else of its nearest ancestor
    /// that exists; nothing where there is no document at all.
    pub fn locate(&self, path: &str) -> Option<(usize, usize)> {
        let mut place = self.root.as_ref()?;
        let mut rest = path;
        while let Some((below, after)) = place.step(rest) {
            place = below;
            rest = after;
        }
        Some((place.line, place.column))
    }
}

impl Place {
    /// A scalar stands where it begins, a collection at its key: that is where people look for it.
    fn of(key: Option<&Key>, node: &Node) -> Place {
        let below = match &node.value {
            Value::Sequence(items) => {
                Below::Items(items.iter().map(|item| Place::of(None, item)).collect())
            }
            Value::Mapping(members) => Below::Members(
                members
                    .iter()
                    .map(|(key, node)| (key.name.clone(), Place::of(Some(key), node)))
                    .collect(),
            ),
            _ => Below::Nothing,
        };
        let (line, column) = match (key, &below) {
            (Some(key), Below::Items(_) | Below::Members(_)) => (key.line, key.column),
            _ => (node.line, node.column),
        };
        Place {
            line,
            column,
            below,
        }
    }

    /// One segment further down, and what remains of the path.
    fn step<'a>(&self, rest: &'a str) -> Option<(&Place, &'a str)> {
        match &self.below {
            Below::Nothing => None,
            Below::Items(items) => {
                let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
                Some((items.get(index.parse::<usize>().ok()?)?, after))
            }
            Below::Members(members) => {
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
    fn without_a_document_nothing_has_a_place() {
        assert_eq!(Locations::default().locate("issuers[0].issuer"), None);
    }
}
