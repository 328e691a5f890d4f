//! Key paths as people read them: `issuers[1].jwks.uri`.

/// The path of the member `name` of the mapping at `parent`; a name that would be ambiguous is quoted.
pub fn member(parent: &str, name: &str) -> String {
    let plain = !name.is_empty()
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || ".[]\"".contains(c));
    match (plain, parent.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{parent}.{name}"),
        (false, _) => format!("{parent}[{name:?}]"),
    }
}

/// The path of an item of the list at `parent`.
pub fn item(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
}

#[cfg(test)]
mod tests {
    use super::{item, member};

    #[test]
    fn key_paths_are_displayed_as_written_and_unusual_names_are_quoted() {
        assert_eq!(member("", "issuers"), "issuers");
        assert_eq!(item("issuers", 1), "issuers[1]");
        assert_eq!(member("issuers[1]", "x-jwt-sub"), "issuers[1].x-jwt-sub");
        assert_eq!(member("a", "b.c"), "a[\"b.c\"]");
        assert_eq!(member("a", ""), "a[\"\"]");
        assert_eq!(member("a", "b\nc"), "a[\"b\\nc\"]");
    }
}
