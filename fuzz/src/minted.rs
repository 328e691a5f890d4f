//! The tokens of the fuzz target `decision`: those that its issuers minted, and forged ones.

use std::sync::LazyLock;

use super::minter::SigningKey;

pub const KEY: SigningKey = SigningKey(1);
pub const OTHER_KEY: SigningKey = SigningKey(2);

/// A token that an issuer of the configuration minted.
pub struct Minted {
    pub text: String,
    pub subject: &'static str,
    pub scopes: &'static str,
    pub audiences: &'static [&'static str],
    pub issuer: &'static str,
}

pub static MINTED: LazyLock<Vec<Minted>> = LazyLock::new(|| {
    let minted =
        |key: SigningKey, issuer, subject, scopes, audiences: &'static [&'static str]| Minted {
            text: key.sign(
                &header("k"),
                &claims(issuer, subject, scopes, audiences, ""),
            ),
            subject,
            scopes,
            audiences,
            issuer,
        };
    vec![
        minted(KEY, "https://a.example", "alice", "read", &["api"]),
        minted(
            KEY,
            "https://a.example",
            "bob",
            "read write",
            &["api", "billing"],
        ),
        minted(OTHER_KEY, "https://b.example", "carol", "write", &["api"]),
    ]
});

/// Tokens that no rule may accept.
pub static FORGED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let of_a = |extra: &str| {
        claims(
            "https://a.example",
            "alice",
            "read write",
            &["api", "billing"],
            extra,
        )
    };
    let good = MINTED[0].text.clone();
    let (signing_input, _) = good.rsplit_once('.').expect("is a token");
    vec![
        OTHER_KEY.sign(&header("k"), &of_a("")),
        SigningKey(3).sign(&header("k"), &of_a("")),
        KEY.sign(
            &header("k"),
            &claims("https://b.example", "alice", "write", &["api"], ""),
        ),
        KEY.sign(&header("k"), &of_a(r#","nbf":253402300799"#)),
        KEY.sign(&header("k"), &of_a(r#","cnf":{"jkt":"x"}"#)),
        KEY.sign(
            &header("k"),
            &claims("https://a.example", "alice", "write", &["other"], ""),
        ),
        KEY.sign(&header("k"), &of_a("").replace("253402300799", "1")),
        KEY.sign(&header("k"), &of_a(r#","sub":"root""#)),
        KEY.sign(r#"{"alg":"EdDSA","kid":"k","crit":["exp"]}"#, &of_a("")),
        KEY.sign(r#"{"alg":"none","kid":"k"}"#, &of_a("")),
        KEY.confuse(r#"{"alg":"HS256","kid":"k"}"#, &of_a("")),
        KEY.confuse(&header("k"), &of_a("")),
        KEY.sign(&header("unknown"), &of_a("")),
        format!("{signing_input}."),
        signing_input.to_owned(),
        format!("{good}="),
        format!("{good}.{good}"),
    ]
});

fn header(key_id: &str) -> String {
    format!(r#"{{"alg":"EdDSA","kid":"{key_id}","typ":"JWT"}}"#)
}

fn claims(issuer: &str, subject: &str, scopes: &str, audiences: &[&str], extra: &str) -> String {
    let audiences: Vec<String> = audiences
        .iter()
        .map(|audience| format!("\"{audience}\""))
        .collect();
    format!(
        r#"{{"iss":"{issuer}","sub":"{subject}","scope":"{scopes}","aud":[{}],"exp":253402300799{extra}}}"#,
        audiences.join(",")
    )
}

/// Whether the rule accepts the token.
pub fn satisfies(token: &Minted, rule: &str, method: &str) -> bool {
    let has_scope = |scope| token.scopes.split(' ').any(|own| own == scope);
    match rule {
        "optional" | "rest" => true,
        "write" => has_scope("write"),
        "billing" => token.audiences.contains(&"billing"),
        "when" => token.subject == "alice" && method == "GET",
        "partner" => token.issuer == "https://b.example",
        _ => false,
    }
}

pub fn text_of(token: usize) -> &'static str {
    match token.checked_sub(MINTED.len()) {
        None => &MINTED[token].text,
        Some(forged) => &FORGED[forged],
    }
}
