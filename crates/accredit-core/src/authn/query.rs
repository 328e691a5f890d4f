//! Query parameters: names are compared percent-decoded, values are taken as sent.

use percent_encoding::percent_decode_str;

/// The values of a parameter that are not empty.
pub fn tokens<'r>(name: &str, target: &'r str) -> impl Iterator<Item = &'r str> {
    let query = target
        .split_once('?')
        .map(|(_, query)| query)
        .unwrap_or_default();
    query
        .split('&')
        .filter_map(move |parameter| value_of(parameter, &[name]))
        .filter(|value| !value.is_empty())
}

/// The target without each parameter of these names that carries the token. Every other byte stays.
pub fn without(names: &[&str], token: &str, target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|parameter| value_of(parameter, names) != Some(token))
        .collect();
    if kept.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", kept.join("&"))
    }
}

fn value_of<'r>(parameter: &'r str, names: &[&str]) -> Option<&'r str> {
    let (own, value) = parameter.split_once('=')?;
    names
        .iter()
        .any(|name| percent_decode_str(own).eq(name.bytes()))
        .then_some(value)
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn query_parameters_with_the_token_are_removed_and_every_other_byte_stays() {
        for (target, left) in [
            ("/p?t=a.b.c", "/p"),
            ("/p?t=a.b.c&x=1", "/p?x=1"),
            ("/p?x=1&t=a.b.c", "/p?x=1"),
            ("/p?x=%7e&%74=a.b.c&&y=?#", "/p?x=%7e&&y=?#"),
            ("/p?t=a.b.c&t=a.b.c", "/p"),
            ("/p?t=a.b.c&x&u=a.b.c", "/p?x"),
            ("/p?T=a.b.c&t=other", "/p?T=a.b.c&t=other"),
            ("/p?%7=a.b.c&%t=a.b.c", "/p?%7=a.b.c&%t=a.b.c"),
            ("/p;t=a.b.c", "/p;t=a.b.c"),
        ] {
            assert_eq!(without(&["t", "u"], "a.b.c", target), left, "{target}");
        }
    }
}
