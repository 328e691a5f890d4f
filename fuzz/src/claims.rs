//! The header and the claims of a token with a good signature, under several policies: the reason that accredit gives is the
//! one of the first step of CONTRACT 4.1.1 that another reading of its claims fails.

use std::sync::LazyLock;

use accredit::envoy::service::CheckService;
use accredit_core::authz::authorizer::Authorizer;
use accredit_core::request::{ClientCertificate, Completeness, Headers, Request};

use super::choices::Choices;
use super::claims_oracle::{Claimed, Header, Policy, expected};
use super::json_oracle::{Reading, read};
use super::minter::SigningKey;
use super::service::{self, NOW};

const KEY: SigningKey = SigningKey(1);
const OTHER_KEY: SigningKey = SigningKey(2);

const STRICT: Policy = Policy {
    settings: "audiences: [api]\n    required_claims: [sub]",
    audience: Some("api"),
    accepts_absent_audience: false,
    skew: 30.0,
    max_lifetime: None,
    required: &["sub"],
    ignores_binding: false,
};

static POLICIES: LazyLock<Vec<(Policy, CheckService<Authorizer>)>> = LazyLock::new(|| {
    let policies = [
        STRICT,
        Policy {
            settings: "audiences: any\n    required_claims: []\n    clock_skew: 0s\n    binding: ignore",
            audience: None,
            skew: 0.0,
            required: &[],
            ignores_binding: true,
            ..STRICT
        },
        Policy {
            settings: "audiences: [api]\n    audience_absent: accept\n    max_lifetime: 1h\n    clock_skew: 5s\n    required_claims: [sub, jti]",
            accepts_absent_audience: true,
            skew: 5.0,
            max_lifetime: Some(3600.0),
            required: &["sub", "jti"],
            ..STRICT
        },
    ];
    policies.into_iter().map(|policy| {
        let service = service::of_text(&format!(
            "issuers:\n  - issuer: https://a.example\n    algorithms: [EdDSA]\n    jwks: {{ inline: '{}' }}\n    {}\n",
            KEY.key_set("k"), policy.settings
        ));
        (policy, service)
    }).collect()
});

/// Whether the token is accepted.
pub fn check(input: &[u8]) -> bool {
    let mut choices = Choices::new(input);
    let (policy, service) = &POLICIES[choices.below(POLICIES.len())];
    let header = Header::chosen(&mut choices);
    let members: Vec<(&str, String)> = ["iss", "exp", "nbf", "iat", "aud", "sub", "jti", "cnf"]
        .into_iter()
        .filter_map(|name| Some((name, value(name, &mut choices)?)))
        .collect();
    let claims: Vec<String> = members
        .iter()
        .map(|(name, raw)| format!("\"{name}\":{raw}"))
        .collect();
    let claims = format!("{{{}}}", claims.join(","));
    let token = match header.is_signed {
        true => KEY.sign(&header.text(), &claims),
        false => OTHER_KEY.sign(&header.text(), &claims),
    };
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_bytes())];
    let request = Request {
        method: "GET",
        host: "api.example",
        path: "/",
        headers: Headers::new(headers.into_iter(), Completeness::Complete),
        source_address: "",
        source_principal: "",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: Vec::new(),
        trace: None,
    };
    let judged = service::judge(service, &request).expect("the keys are in the configuration");
    let expected = expected(policy, &header, &Claimed::of(&members));
    let own = judged.record.reason.as_str();
    assert!(
        expected.contains(&own),
        "{own} instead of {expected:?}: {} {claims}",
        header.text()
    );
    own == "allowed"
}

impl Header {
    fn chosen(choices: &mut Choices<'_>) -> Header {
        const ALG: &[Option<&str>] = &[
            Some("EdDSA"),
            Some("EdDSA"),
            Some("EdDSA"),
            Some("Ed25519"),
            Some("RS256"),
            Some("none"),
            Some("HS256"),
            Some("eddsa"),
            Some(""),
            None,
        ];
        const TYP: &[Option<&str>] = &[
            None,
            Some("JWT"),
            Some("at+jwt"),
            Some("application/AT+JWT"),
            Some("dpop+jwt"),
            Some(""),
        ];
        const KID: &[Option<&str>] = &[
            Some("k"),
            Some("k"),
            None,
            Some(""),
            Some("K"),
            Some("other"),
        ];
        Header {
            alg: choices.pick(ALG),
            typ: choices.pick(TYP),
            kid: choices.pick(KID),
            is_signed: !choices.one_in(8),
        }
    }

    fn text(&self) -> String {
        let members = [("alg", self.alg), ("typ", self.typ), ("kid", self.kid)];
        let members: Vec<String> = members
            .into_iter()
            .filter_map(|(name, value)| Some(format!("\"{name}\":\"{}\"", value?)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

/// The JSON text of a claim. `None` leaves it out.
fn value(name: &str, choices: &mut Choices<'_>) -> Option<String> {
    let own = match name {
        "iss" => choices.pick(&[
            "\"https://a.example\"",
            "\"https://a.example\"",
            "\"https://A.example\"",
            "\"\"",
            "1",
            "null",
        ]),
        "aud" => choices.pick(&[
            "\"api\"",
            "[\"x\",\"api\"]",
            "\"other\"",
            "[]",
            "\"\"",
            "[\"\"]",
            "[\"\",\"x\"]",
            "null",
            "[1]",
            "{}",
        ]),
        "cnf" => choices.pick(&["null", "null", "null", "{}", "{\"jkt\":\"x\"}", "\"x\""]),
        "exp" | "nbf" | "iat" => return date(name, choices),
        _ => choices.pick(&["\"s\"", "\"\"", "null", "0", "[]"]),
    };
    (!choices.one_in(6)).then(|| own.to_owned())
}

fn date(name: &str, choices: &mut Choices<'_>) -> Option<String> {
    const EDGES: &[&str] = &[
        "0",
        "-0",
        "-0.0",
        "-1",
        "1e9",
        "1.7672256e9",
        "17672256E2",
        "253402300799",
        "253402300799.5",
        "253402300800",
        "1e400",
        "-1e400",
        "1e-400",
        "-1e-400",
        "1767225600000",
        "\"1767225600\"",
        "true",
        "null",
        "[]",
        "{}",
        "0e1",
    ];
    const NEAR: &[i64] = &[
        -3601, -3600, -31, -30, -29, -6, -5, -4, -1, 0, 1, 4, 5, 6, 29, 30, 31, 3599, 3600, 3601,
    ];
    const FRACTIONS: &[&str] = &["", "", ".5", ".999", ".0"];
    let usual = if name == "exp" { 600 } else { -60 };
    match choices.below(8) {
        0 | 1 => Some((NOW as i64 + usual).to_string()),
        2..=4 => {
            let seconds = NOW as i64 + choices.pick(NEAR);
            Some(format!("{seconds}{}", choices.pick(FRACTIONS)))
        }
        5 => Some(choices.pick(EDGES).to_owned()),
        6 => {
            let text: String = choices
                .bytes(12)
                .iter()
                .map(|byte| char::from(b"0123456789.eE-+"[usize::from(byte % 15)]))
                .collect();
            Some(text).filter(|text| matches!(read(text.as_bytes()), Reading::Json(_)))
        }
        _ => None,
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0; 8]];
    for choice in [1_u8, 3, 7, 29, 85, 113, 170, 251] {
        seeds.push((0..60_u8).map(|at| at.wrapping_mul(choice)).collect());
    }
    seeds
}
