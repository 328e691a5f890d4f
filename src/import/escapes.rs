//! Regular expressions over a path as sent, for a path whose escapes are decoded.

/// Whether an expression that matches a path as sent also matches the decoded path.
///
/// That is so if each escape, such as `%61`, is matched as a whole by a repetition of any character. All else in the expression
/// must not match a percent sign, and what follows a repetition must not match the digits of an escape.
pub(crate) fn holds_when_decoded(regex: &str) -> bool {
    const REPETITIONS: [&str; 4] = [".*", ".+", "[^/]*", "[^/]+"];
    // The expression has to match the whole path anyway.
    let regex = regex.strip_prefix('^').unwrap_or(regex);
    let mut rest = match regex.strip_suffix('$') {
        Some(head) if !head.ends_with('\\') => head,
        _ => regex,
    };
    while let Some(first) = rest.chars().next() {
        let repetition = REPETITIONS
            .iter()
            .find_map(|repetition| rest.strip_prefix(repetition));
        rest = if let Some(after) = repetition {
            if !begins_without_digit(after) {
                return false;
            }
            after
        } else if first == '\\' {
            let Some(after) = escaped(rest) else {
                return false;
            };
            after
        } else if first == '[' {
            let Some(after) = class(rest) else {
                return false;
            };
            after
        } else if first.is_ascii_alphanumeric() || "/-_~!@,:;=()|*+?".contains(first) {
            rest.get(first.len_utf8()..).unwrap_or_default()
        } else {
            return false;
        };
        // Flags, such as `(?s)`, and lazy repetitions are not looked into.
        if first == '(' && rest.starts_with('?') {
            return false;
        }
    }
    true
}

/// Whether nothing follows, or one plain character that is no hexadecimal digit and is not repeated.
fn begins_without_digit(after: &str) -> bool {
    let (text, is_escaped) = match after.strip_prefix('\\') {
        Some(text) => (text, true),
        None => (after, false),
    };
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return !is_escaped;
    };
    let is_plain = match is_escaped {
        true => "./-_".contains(first),
        false => {
            "/-_~!@,:;=".contains(first)
                || (first.is_ascii_alphabetic() && !first.is_ascii_hexdigit())
        }
    };
    is_plain && !characters.next().is_some_and(|next| "*+?{".contains(next))
}

/// What follows an escaped character, or a class of digits or word characters.
fn escaped(rest: &str) -> Option<&str> {
    let known = ["\\d", "\\w", "\\.", "\\-", "\\/", "\\_"];
    known.iter().find_map(|own| rest.strip_prefix(own))
}

/// What follows a class of letters, digits and ranges of them.
fn class(rest: &str) -> Option<&str> {
    let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
    let characters: Vec<char> = inner.chars().collect();
    let is_range = |place: usize| {
        let sides = place
            .checked_sub(1)
            .and_then(|before| characters.get(before))
            .zip(characters.get(place + 1));
        sides.is_none_or(|(from, to)| {
            (from.is_ascii_digit() && to.is_ascii_digit())
                || (from.is_ascii_lowercase() && to.is_ascii_lowercase())
                || (from.is_ascii_uppercase() && to.is_ascii_uppercase())
        })
    };
    let is_plain = characters.iter().enumerate().all(|(place, own)| match own {
        '-' => is_range(place),
        '_' | '.' => true,
        own => own.is_ascii_alphanumeric(),
    });
    (is_plain && !characters.is_empty()).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::holds_when_decoded;

    #[test]
    fn an_expression_that_can_match_a_part_of_an_escape_is_found() {
        for (regex, holds) in [
            ("/admin", true),
            ("/admin/.*", true),
            ("^/admin/.*$", true),
            ("/admin/.+/x", true),
            ("/a/[^/]+/users", true),
            ("/v[0-9]+/status", true),
            ("/(a|b)/[a-z0-9_.-]+", true),
            ("/a\\.b/\\d+", true),
            (".*\\.js", true),
            ("/a.b", false),
            ("/a/.{3}", false),
            ("/a/x{2}", false),
            ("/a/[^/]", false),
            ("/a/[^b]+", false),
            ("/a/\\S+", false),
            ("/a/\\D", false),
            ("/a%20b", false),
            ("/[!-z]+", false),
            // The escape %61 ends with these digits.
            (".*61", false),
            (".*\\d", false),
            (".*(61)?", false),
            (".*z?61", false),
            ("(?s)/a", false),
            ("(?:a)", false),
        ] {
            assert_eq!(holds_when_decoded(regex), holds, "{regex}");
        }
    }
}
