//! Envoy's per-route `context_extensions`, as a rule's condition.

/// One entry that the route must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextEntry {
    /// The entry's name.
    pub name: String,
    /// Its value is one of these.
    pub values: Vec<String>,
}

impl ContextEntry {
    /// Whether the route has it.
    pub fn holds<'a>(&self, mut value_of: impl FnMut(&str) -> Option<&'a str>) -> bool {
        value_of(&self.name).is_some_and(|value| self.values.iter().any(|own| own == value))
    }
}
