//! The configuration of a route inside Envoy (CONTRACT 9.5): `context`, or `disabled: true`.

use crate::config::env::{self, EnvLookup};
use crate::config::locations::Locations;
use crate::config::path;
use crate::config::problem::{Problem, Problems};
use crate::config::sentence::Sentence;
use crate::config::yaml::read;
use crate::config::yaml::tree::{Origin, YamlKey, YamlNode, YamlValue};

/// The settings of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteSettings {
    /// Requests of the route are checked with this context, as with Envoy's `context_extensions`.
    Checked { context: Vec<(String, String)> },
    /// Requests of the route are not checked.
    Disabled,
}

/// Reads the configuration of a route. An empty text is an empty mapping: the route is checked without a context.
///
/// # Errors
/// Every problem.
pub fn read(text: &str, lookup: EnvLookup<'_>) -> Result<RouteSettings, Vec<Problem>> {
    let mut problems = Problems::default();
    let Some(mut root) = read::read(text, &mut problems) else {
        return Err(problems.into_sorted());
    };
    problems.locate_in(Locations::of(&root));
    env::expand(&mut root, lookup, &mut problems);
    problems.locate_in(Locations::of(&root));
    let settings = settings(root, &mut problems);
    if problems.has_errors() {
        return Err(problems.into_sorted());
    }
    Ok(settings)
}

fn settings(root: YamlNode, problems: &mut Problems) -> RouteSettings {
    let (mut entries, mut is_disabled) = (None, false);
    let YamlValue::Mapping(members) = root.value else {
        let what = "the configuration of a route is a mapping";
        problems.error(
            "",
            what,
            "write `context: { NAME: VALUE }` or `disabled: true`",
        );
        return RouteSettings::Checked {
            context: Vec::new(),
        };
    };
    for (key, node) in members {
        match (key.name.as_str(), node.value) {
            _ if node.origin == Origin::Unresolved => {}
            ("context", YamlValue::Mapping(members)) => {
                entries = Some(context(members, problems));
            }
            ("context", _) => {
                let advice = "write a mapping of names to strings";
                problems.error("context", "this is not a mapping", advice);
            }
            ("disabled", YamlValue::Bool(true)) => is_disabled = true,
            // `disabled: false` is an error, because it would suggest that another setting turns the check off.
            ("disabled", _) => {
                let advice = "write `disabled: true`, or remove the key";
                problems.error("disabled", "the only value is `true`", advice);
            }
            (other, _) => {
                let at = path::member("", other);
                let advice = "the configuration of a route has `context` or `disabled` only";
                problems.error(&at, "unknown key", advice);
            }
        }
    }
    match (is_disabled, entries) {
        (true, None) => RouteSettings::Disabled,
        (true, Some(context)) => {
            let what = "a route without checks has no context";
            problems.error("disabled", what, "remove `context` or `disabled`");
            RouteSettings::Checked { context }
        }
        (false, context) => RouteSettings::Checked {
            context: context.unwrap_or_default(),
        },
    }
}

fn context(members: Vec<(YamlKey, YamlNode)>, problems: &mut Problems) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    for (key, node) in members {
        let at = path::member("context", &key.name);
        match node.value {
            YamlValue::String(value) => entries.push((key.name, value)),
            other if node.origin != Origin::Unresolved => {
                let what = Sentence::own(format!("this is {}", other.kind()));
                problems.error(
                    &at,
                    what,
                    "write a string; put numbers and booleans in quotes",
                );
            }
            _ => {}
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::{RouteSettings, read};

    fn environment(name: &str) -> Option<String> {
        (name == "TIER").then(|| "internal".to_owned())
    }

    #[test]
    fn the_configuration_of_a_route_is_a_context_or_disabled() {
        let checked = |context: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            RouteSettings::Checked {
                context: context.iter().map(owned).collect(),
            }
        };
        let route = |text: &str| read(text, &environment);
        assert_eq!(route(""), Ok(checked(&[])));
        assert_eq!(route("{}"), Ok(checked(&[])));
        assert_eq!(route("disabled: true"), Ok(RouteSettings::Disabled));
        assert_eq!(
            route("context: { api: acme, tier: '${TIER}' }"),
            Ok(checked(&[("api", "acme"), ("tier", "internal")]))
        );
        assert_eq!(
            route(r#"{"context":{"api":"acme"}}"#),
            Ok(checked(&[("api", "acme")]))
        );
    }

    #[test]
    fn a_route_that_could_be_misread_is_an_error() {
        for wrong in [
            "disabled",
            "[]",
            "disabled: false",
            "disabled: 'true'",
            "disabled:",
            "Disabled: true",
            "{ disabled: true, context: { a: b } }",
            "context: a",
            "context:",
            "context: { a: 1 }",
            "context: { a: [b] }",
            "context: { a: '${ABSENT}' }",
            "'${TIER}': true",
            "context: { a: b, a: c }",
            "{ context: { a: b }",
        ] {
            assert!(read(wrong, &environment).is_err(), "{wrong}");
        }
    }
}
