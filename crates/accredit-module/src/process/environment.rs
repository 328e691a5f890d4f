//! The environment of the process, for `${NAME}` in configurations.

/// A variable of the environment. An empty variable counts as unset.
#[allow(
    clippy::disallowed_methods,
    reason = "the one place where the module reads the environment"
)]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
