//! Precedence of flags, environment variables and the file.

use accredit_core::config::settings::Settings;

use super::{ConfigError, ConfigFlags, settings};

fn settings_of(typed: ConfigFlags, env: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let lookup = |name: &str| {
        env.iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| (*value).to_owned())
    };
    settings(typed, &lookup, None, |_| {}).map(|config| config.resolved.settings)
}

fn issuer() -> ConfigFlags {
    ConfigFlags {
        issuer: Some("https://flag.example".into()),
        audiences: vec!["a".into()],
        ..ConfigFlags::default()
    }
}

fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("accredit.yaml");
    std::fs::write(&path, text).expect("is written");
    (folder, path)
}

const FILE: &str =
    "listen: 127.0.0.1:1\nissuers: [{ issuer: 'https://file.example', audiences: [a] }]\n";

#[test]
fn a_flag_overrides_the_environment_which_overrides_the_file() {
    let (_folder, path) = file(FILE);
    let path_text = path.to_str().expect("is text").to_owned();
    let name = |settings: &Settings| settings.issuers[0].names[0].to_string();

    let from_file = settings_of(
        ConfigFlags {
            config: Some(path.clone()),
            ..ConfigFlags::default()
        },
        &[],
    )
    .expect("is valid");
    assert_eq!(
        (name(&from_file), from_file.listen.to_string()),
        ("https://file.example".into(), "127.0.0.1:1".into())
    );

    let env = [
        ("ACCREDIT_CONFIG", path_text.as_str()),
        ("ACCREDIT_LISTEN", "127.0.0.1:2"),
    ];
    let from_env = settings_of(ConfigFlags::default(), &env).expect("is valid");
    assert_eq!(from_env.listen.to_string(), "127.0.0.1:2");

    let flagged = settings_of(
        ConfigFlags {
            listen: Some("127.0.0.1:3".into()),
            ..issuer()
        },
        &env,
    )
    .expect("is valid");
    assert_eq!(
        (name(&flagged), flagged.listen.to_string()),
        ("https://flag.example".into(), "127.0.0.1:3".into())
    );

    let env = [
        ("ACCREDIT_ISSUER", "https://env.example"),
        ("ACCREDIT_AUDIENCE", "a, b"),
        ("ACCREDIT_JWKS_URI", "https://env.example/keys"),
    ];
    let from_env = settings_of(ConfigFlags::default(), &env).expect("is valid");
    assert_eq!(
        from_env.issuers[0].key_source.to_string(),
        "https://env.example/keys"
    );
    assert!(format!("{:?}", from_env.issuers[0].requirements.audiences).contains(r#"["a", "b"]"#));
}

#[test]
fn contradicting_settings_are_errors() {
    let (_folder, path) = file(FILE);
    let both = ConfigFlags {
        config: Some(path.clone()),
        ..issuer()
    };
    let without_audience = ConfigFlags {
        audiences: vec![],
        ..issuer()
    };
    let any_among_others = ConfigFlags {
        audiences: vec!["any".into(), "a".into()],
        ..issuer()
    };
    let stray = ConfigFlags {
        config: Some(path),
        jwks_uri: Some("https://a.example/k".into()),
        ..ConfigFlags::default()
    };
    let odd = ConfigFlags {
        audience_absent: Some("maybe".into()),
        ..issuer()
    };
    for typed in [both, without_audience, any_among_others, stray, odd] {
        let shown = format!("{typed:?}");
        assert!(settings_of(typed, &[]).is_err(), "{shown}");
    }
    let two = [
        ("ACCREDIT_CONFIG", "/x"),
        ("ACCREDIT_ISSUER", "https://a.example"),
    ];
    assert!(settings_of(ConfigFlags::default(), &two).is_err());
    assert!(
        settings_of(
            ConfigFlags {
                config: Some("/nowhere/accredit.yaml".into()),
                ..ConfigFlags::default()
            },
            &[]
        )
        .is_err()
    );
}

#[test]
fn algorithms_given_as_flags_replace_the_default() {
    let settings = settings_of(
        ConfigFlags {
            algorithms: vec!["ES256".into(), "EdDSA".into()],
            ..issuer()
        },
        &[],
    )
    .expect("is valid");
    let algorithms = format!("{:?}", settings.issuers[0].requirements.algorithms);
    assert_eq!(algorithms, "{Es256, EdDsa}");
}
