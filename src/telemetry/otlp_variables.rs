//! Reads OpenTelemetry's environment variables. A value that is not valid causes a warning and is ignored, as the
//! specification of these variables says: an error in telemetry must not stop an authorization service.

use std::str::FromStr;

/// Looks up an environment variable.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The variable of traces, or else the general one; and its value. A variable with an empty value counts as not set.
pub fn otlp(env: Lookup<'_>, name: &str) -> Option<(String, String)> {
    otlp_all(env, name).next()
}

fn otlp_all(env: Lookup<'_>, name: &str) -> impl Iterator<Item = (String, String)> {
    ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"]
        .into_iter()
        .map(move |prefix| format!("{prefix}{name}"))
        .filter_map(move |name| value(env, &name).map(|value| (name, value)))
}

/// The value of a variable, unless it is empty.
pub fn value(env: Lookup<'_>, name: &str) -> Option<String> {
    env(name).filter(|value| !value.is_empty())
}

/// The value of a variable as `read` parses it. `None` if the variable is not set or its value is not valid.
pub fn valid<T>(
    env: Lookup<'_>,
    name: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let value = value(env, name)?;
    let read = read(&value);
    if read.is_none() {
        ignore(name, Some(&value), expected);
    }
    read
}

/// Like [`valid`], for the variable of traces, or for the general variable if that one has no valid value.
pub fn valid_otlp<T>(
    env: Lookup<'_>,
    name: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    otlp_all(env, name).find_map(|(name, _)| valid(env, &name, expected, &read))
}

/// A whole number above 0.
pub fn positive<T: FromStr + Default + PartialOrd>(env: Lookup<'_>, name: &str) -> Option<T> {
    valid(env, name, "a whole number above 0", |value| {
        value.parse().ok().filter(|number| *number > T::default())
    })
}

/// Warns of a variable. Its value is given only where it cannot be a secret.
pub fn ignore(variable: &str, value: Option<&str>, expected: &str) {
    tracing::warn!(
        variable,
        value,
        expected,
        "environment variable is not valid and ignored"
    );
}

/// Warns of bad values that the exporter and the SDK read themselves and ignore silently.
pub fn warn_of_ignored(env: Lookup<'_>) {
    for name in [
        "OTEL_CONFIG_FILE",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    ] {
        if value(env, name).is_some() {
            ignore(name, None, "not set: accredit does not support it");
        }
    }
    for name in ["ATTRIBUTE", "EVENT", "LINK"] {
        let name = format!("OTEL_SPAN_{name}_COUNT_LIMIT");
        valid(env, &name, "a whole number", |value| {
            value.parse::<u32>().ok()
        });
    }
    let milliseconds = "a whole number of milliseconds";
    valid_otlp(env, "TIMEOUT", milliseconds, |value| {
        value.parse::<u64>().ok()
    });
    let is_compression = |value: &str| {
        ["gzip", "none"]
            .iter()
            .any(|known| value.eq_ignore_ascii_case(known))
    };
    valid_otlp(env, "COMPRESSION", "gzip or none", |value| {
        is_compression(value).then_some(())
    });
    if let Some((name, value)) = otlp(env, "HEADERS")
        && !value.split_terminator(',').all(is_header)
    {
        ignore(
            &name,
            None,
            "name=value,name=value; a part that is not valid is left out",
        );
    }
    warn_of_sampler(env);
}

fn warn_of_sampler(env: Lookup<'_>) {
    let expected = "always_on, always_off, traceidratio, or one of these after parentbased_";
    let sampler = valid(env, "OTEL_TRACES_SAMPLER", expected, |value| {
        let root = value.strip_prefix("parentbased_").unwrap_or(value);
        matches!(root, "always_on" | "always_off" | "traceidratio").then(|| value.to_owned())
    });
    if sampler.is_some_and(|sampler| sampler.ends_with("traceidratio")) {
        valid(
            env,
            "OTEL_TRACES_SAMPLER_ARG",
            "a number from 0 to 1",
            |value| value.parse::<f64>().ok(),
        );
    }
}

fn is_header(part: &str) -> bool {
    part.split_once('=').is_some_and(|(name, value)| {
        name.trim().parse::<http::HeaderName>().is_ok()
            && value
                .trim()
                .parse::<http::HeaderValue>()
                .is_ok_and(|value| !value.is_empty())
    })
}
