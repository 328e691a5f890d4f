//! The elements that two lists of a `match` have in common.

use accredit_core::rules::matching_budget::MatchingBudget;
use accredit_core::rules::pattern::PathPattern;
use accredit_core::rules::peer::{AddressRange, PrincipalPattern};

/// How two elements of a list compare.
pub(crate) type Covers = fn(&str, &str) -> bool;

/// The elements that both lists have. `None` if two elements overlap and neither covers the other.
pub(crate) fn common_elements(
    own: &[String],
    other: &[String],
    covers: Covers,
    can_overlap: Covers,
) -> Option<Vec<String>> {
    let mut both = Vec::new();
    for own in own {
        for other in other {
            if covers(own, other) {
                both.push(other.clone());
            } else if covers(other, own) {
                both.push(own.clone());
            } else if can_overlap(own, other) {
                return None;
            }
        }
    }
    both.dedup();
    Some(without_covered(both, covers))
}

pub(crate) fn without_covered(list: Vec<String>, covers: Covers) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for element in list {
        if !kept.iter().any(|own| covers(own, &element)) {
            kept.retain(|own| !covers(&element, own));
            kept.push(element);
        }
    }
    kept
}

/// Two hosts, principals or ranges never overlap partly: one covers the other, or they have nothing in common.
pub(crate) fn never(_: &str, _: &str) -> bool {
    false
}

pub(crate) fn paths_overlap(one: &str, other: &str) -> bool {
    !are_disjoint(one, other)
}

pub(crate) fn equal(one: &str, other: &str) -> bool {
    one == other
}

pub(crate) fn path_covers(one: &str, other: &str) -> bool {
    match (PathPattern::parse(one), PathPattern::parse(other)) {
        (Ok(one), Ok(other)) => one.covers(&other),
        _ => false,
    }
}

fn matches(pattern: &PathPattern, path: &str) -> bool {
    pattern.matches(&segments(path), &mut MatchingBudget::unlimited()) == Ok(true)
}

/// Whether no path matches both patterns, as far as their segments before a `**` tell.
pub(crate) fn are_disjoint(one: &str, other: &str) -> bool {
    let is_exact = |pattern: &str| !pattern.contains('*');
    if let (true, Ok(pattern)) = (is_exact(one), PathPattern::parse(other)) {
        return !matches(&pattern, one);
    }
    if let (true, Ok(pattern)) = (is_exact(other), PathPattern::parse(one)) {
        return !matches(&pattern, other);
    }
    let (one, other) = (segments(one), segments(other));
    for (one, other) in one.iter().zip(&other) {
        if one == "**" || other == "**" {
            return false;
        }
        if !can_be_equal(one, other) {
            return true;
        }
    }
    let ends = |pattern: &[String]| !pattern.iter().any(|segment| segment == "**");
    ends(&one) && ends(&other) && one.len() != other.len()
}

/// Whether one text can match both segments, as far as their texts before the first `*` tell.
fn can_be_equal(one: &str, other: &str) -> bool {
    match (one.split_once('*'), other.split_once('*')) {
        (None, None) => one == other,
        (Some((prefix, _)), None) => other.starts_with(prefix),
        (None, Some((prefix, _))) => one.starts_with(prefix),
        (Some((one, _)), Some((other, _))) => one.starts_with(other) || other.starts_with(one),
    }
}

fn segments(path: &str) -> Vec<String> {
    let below_root = path.trim_matches('/');
    below_root
        .split('/')
        .filter(|_| !below_root.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(crate) fn host_covers(one: &str, other: &str) -> bool {
    match (one.strip_prefix('*'), other.strip_prefix('*')) {
        (Some(one), Some(other)) => other.ends_with(one),
        (Some(suffix), None) => other.len() > suffix.len() && other.ends_with(suffix),
        (None, _) => one == other,
    }
}

pub(crate) fn principal_covers(one: &str, other: &str) -> bool {
    match (PrincipalPattern::parse(one), PrincipalPattern::parse(other)) {
        (Ok(one), Ok(other)) => one.covers(&other),
        _ => false,
    }
}

pub(crate) fn address_covers(one: &str, other: &str) -> bool {
    match (AddressRange::parse(one), AddressRange::parse(other)) {
        (Ok(one), Ok(other)) => one.covers(&other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::are_disjoint;

    #[test]
    fn patterns_that_share_no_path_are_seen() {
        for (one, other, expected) in [
            ("/a", "/a", false),
            ("/a", "/a/**", false),
            ("/a", "/a/*/**", true),
            ("/a/*/**", "/a", true),
            ("/a*/**", "/b*/**", true),
            ("/a*/**", "/ab/**", false),
            ("/**/x", "/a/**", false),
            ("/a/*", "/a/b/*", true),
        ] {
            assert_eq!(are_disjoint(one, other), expected, "{one} {other}");
        }
    }
}
