//! The steps of CONTRACT 4.1.1 that read the header and the claims of a token, on claims as serde_json reads them.

use super::json_oracle::{Reading, Tree, read};
use super::service::NOW;

/// The last second of the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// What an issuer entry requires.
pub struct Policy {
    pub settings: &'static str,
    /// `None`: any.
    pub audience: Option<&'static str>,
    pub accepts_absent_audience: bool,
    pub skew: f64,
    pub max_lifetime: Option<f64>,
    pub required: &'static [&'static str],
    pub ignores_binding: bool,
}

/// The header of a token, and whether a key of the issuer signed it.
pub struct Header {
    pub alg: Option<&'static str>,
    pub typ: Option<&'static str>,
    pub kid: Option<&'static str>,
    pub is_signed: bool,
}

/// The claims as another reader sees them.
pub struct Claimed(Vec<(&'static str, Reading)>);

/// A NumericDate.
enum Date {
    Absent,
    At(f64),
    /// It is so near to the last permitted one that readers can differ.
    Edge,
    Bad,
}

impl Claimed {
    pub fn of(members: &[(&'static str, String)]) -> Claimed {
        Claimed(
            members
                .iter()
                .map(|(name, raw)| (*name, read(raw.as_bytes())))
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&Tree> {
        self.0
            .iter()
            .find(|(own, _)| *own == name)
            .and_then(|(_, reading)| match reading {
                Reading::Json(Tree::Null) => None,
                Reading::Json(tree) => Some(tree),
                Reading::OutOfRange | Reading::NotJson => None,
            })
    }

    fn date(&self, name: &str) -> Date {
        if self
            .0
            .iter()
            .any(|(own, reading)| *own == name && matches!(reading, Reading::OutOfRange))
        {
            return Date::Bad;
        }
        match self.get(name) {
            None => Date::Absent,
            Some(Tree::Number(seconds))
                if (seconds - LATEST).abs() < 1e-3 && *seconds != LATEST =>
            {
                Date::Edge
            }
            Some(Tree::Number(seconds)) if (0.0..=LATEST).contains(seconds) => Date::At(*seconds),
            Some(_) => Date::Bad,
        }
    }
}

/// The reasons that are right: several only for a date that readers can differ about.
pub fn expected(policy: &Policy, header: &Header, claims: &Claimed) -> Vec<&'static str> {
    let aud = claims.get("aud");
    let audiences: Option<Vec<&str>> = match aud {
        None => Some(Vec::new()),
        Some(Tree::Text(one)) => Some(vec![one]),
        Some(Tree::List(many)) => many.iter().map(Tree::text).collect(),
        Some(_) => None,
    };
    let is_object_or_absent = |name| {
        claims
            .get(name)
            .is_none_or(|value| matches!(value, Tree::Object(_)))
    };
    let Some(audiences) = audiences.filter(|_| {
        header.alg.is_some()
            && is_object_or_absent("cnf")
            && claims.get("iss").is_none_or(|iss| iss.text().is_some())
    }) else {
        return vec!["malformed_token"];
    };
    if claims.get("iss").and_then(Tree::text) != Some("https://a.example") {
        return vec!["unknown_issuer"];
    }
    if !matches!(header.alg, Some("EdDSA" | "Ed25519")) {
        return vec!["unsupported_algorithm"];
    }
    let typ = header.typ.map(|typ| typ.to_ascii_lowercase());
    if !matches!(
        typ.as_deref(),
        None | Some("jwt" | "at+jwt" | "application/at+jwt")
    ) {
        return vec!["invalid_type"];
    }
    let has_key = matches!(header.kid, None | Some("" | "k"));
    if has_key && !header.is_signed {
        return vec!["invalid_signature"];
    }
    if has_key && claims.get("cnf").is_some() && !policy.ignores_binding {
        return vec!["unproven_binding"];
    }
    let of_claims = of_claims(policy, claims, &audiences);
    match has_key {
        true => of_claims,
        false => of_claims
            .into_iter()
            .map(|reason| {
                if reason == "allowed" {
                    "unknown_key"
                } else {
                    reason
                }
            })
            .collect(),
    }
}

/// The steps 14 to 19.
fn of_claims(policy: &Policy, claims: &Claimed, audiences: &[&str]) -> Vec<&'static str> {
    let now = NOW as f64;
    let expires = match claims.date("exp") {
        Date::Absent => return vec!["missing_claim"],
        Date::Bad => return vec!["malformed_token"],
        Date::Edge => {
            return vec![
                "malformed_token",
                "allowed",
                "missing_claim",
                "invalid_audience",
                "not_yet_valid",
                "lifetime_too_long",
                "unknown_key",
            ];
        }
        Date::At(expires) if now >= expires + policy.skew => return vec!["expired"],
        Date::At(expires) => expires,
    };
    for name in ["nbf", "iat"] {
        match claims.date(name) {
            Date::Bad => return vec!["malformed_token"],
            Date::Edge => return vec!["malformed_token", "not_yet_valid"],
            Date::At(start) if start > now + policy.skew => return vec!["not_yet_valid"],
            Date::At(_) | Date::Absent => {}
        }
    }
    let is_absent = audiences.iter().all(|audience| audience.is_empty());
    let is_accepted = match policy.audience {
        None => true,
        Some(_) if is_absent => policy.accepts_absent_audience,
        Some(audience) => audiences.contains(&audience),
    };
    if !is_accepted {
        return vec!["invalid_audience"];
    }
    let has = |name: &&str| {
        claims
            .get(name)
            .is_some_and(|value| value.text() != Some(""))
    };
    if !policy.required.iter().all(has) {
        return vec!["missing_claim"];
    }
    match (policy.max_lifetime, claims.date("iat")) {
        (None, _) => vec!["allowed"],
        (Some(_), Date::Absent) => vec!["missing_claim"],
        (Some(most), Date::At(issued)) if expires - issued > most => vec!["lifetime_too_long"],
        (Some(_), _) => vec!["allowed"],
    }
}
