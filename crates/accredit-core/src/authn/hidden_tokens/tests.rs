//! Requests in which an upstream could read a token that accredit does not read, and requests that only look odd.

use super::SourceNames;
use crate::request::{ClientCertificate, Completeness, Headers, Request};

const JWT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln";

fn names() -> SourceNames {
    let mut names = SourceNames {
        cookies: vec!["s".into(), "app_token".into()],
        parameters: vec!["access_token".into()],
        ..SourceNames::default()
    };
    names.add_header("authorization");
    names.add_header("x-api-token");
    names
}

/// `J` stands for a token, `H` and `P` for its first two parts.
fn text(template: &str) -> String {
    let mut parts = JWT.split('.');
    let mut part = || parts.next().unwrap_or_default();
    template
        .replace('J', JWT)
        .replace('H', part())
        .replace('P', part())
}

fn hide_token(path: &str, headers: &[(&str, &str)]) -> bool {
    let path = text(path);
    let headers: Vec<(&str, String)> = headers
        .iter()
        .map(|(name, value)| (*name, text(value)))
        .collect();
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()));
    names().hide_token(&Request {
        method: "GET",
        host: "a.example",
        path: &path,
        headers: Headers::new(headers, Completeness::Complete),
        source_address: "",
        source_principal: "",
        source_certificate: ClientCertificate::Absent,
        scheme: "https",
        context: vec![],
        trace: None,
    })
}

#[test]
fn cookies_that_an_upstream_could_read_as_the_token() {
    for cookie in [
        // Escapes in quotes, and a quote that does not end.
        "s=J; s=\"H\\056P\\056x\"",
        // Not escapes: Python reads `+56+56H.P.x`.
        "s=J; s=\"\\+56\\+56H\\056P\\056x\"",
        "s=\"a; s=J; x=\"",
        "s=J; s=\"H\\.P\"; x=\"",
        "s=J; s=\"x;H\\056P",
        "s=J; s=\"\\145\\171J9.x\"",
        // Values that one server cuts and another does not.
        "s=H.P",
        "s=J; s=H.P,.x",
        "s=J; s=H.P,x.y",
        "s=J; s=x,y.P.z",
        "s=J; s=x,y.P",
        "s=J; s=x.P;.z",
        "s=J; s=\"H.P,.x\"",
        // Other encodings of dots and JSON.
        "s=J; s=H\\056P",
        "s=J; s=H%u002eP",
        "s=J; s=ewAiAA.ewAiAA",
        "s=J; s=H.P.x.y.z",
        // Names that some servers read as the source's.
        "S=J",
        "%73=J",
        "app.token=J",
        "app[token=J",
        "app%20token=J; app_token=J",
        "app_token[]=J",
        "app_token%00x=J",
        "x=1, S=J",
        // Cookies after white space.
        "x=1 s=J",
        "x=1 y s = J z",
        "x=1\ts=H.P,x",
        "x=YWI= s=J",
        "x=1 y=YWI== s=J",
        // Values that one reader splits into other parts than another.
        "S=H\\\\.P.x",
        "S=\\.P.x",
        "S=x%2ey.P.z",
        // White space that is not ASCII.
        "x=1;\u{a0}s=J",
        "x=1; s\u{2003}=J",
        "x=1; \u{85}s=J",
    ] {
        assert!(hide_token("/", &[("cookie", cookie)]), "{cookie}");
    }
    for cookie in [
        "",
        "s=J",
        "s=\"J\"",
        "s=J,s=J",
        "s=J,x; y=2",
        "x=1, s=J",
        "x=1 , s=J",
        " s=J;\ts=J",
        "x= s=J",
        "s=abc; s=J",
        "s=5f0c1d8e-7a0b-4f3c; s=J",
        "s=GA1.2.1234567890.1700000000; s=J",
        "s=\"abc\"; s=1.2; s=J",
        "x=1 y= s=J",
        "s=a,b; s=\"a,b\"; s=J",
        "s=BAh7B0kiD3Nl--0f3a; s=J",
        // Cookies of other names can be tokens.
        "t=J; x=H.P; y=\"H\\056P\"; z=\"",
        "xs=J; s2=J; app-token=J; x=s=J",
        "S=abc; app.token=1.2.3",
        // No escape of `s`: servers read `%u+073` as text.
        "%u+073=J; s=J",
        "x=a b c; y= s",
        // Quotes and escapes of values that are no JWT: Python writes JSON in this way.
        "s=\"{\\\"user\\\": 1\\054 \\\"x\\\": 2}\"; s=J",
        "s=\"a\\054b\"; s=J",
        "s=\"",
        "s=\"a; x=1.2.3",
        "s=example.com; s=J",
        "s=e5b6d5c49c27abb44500c24d68a8ab4c.1f05f6f5a3425210; s=J",
    ] {
        assert!(!hide_token("/", &[("cookie", cookie)]), "{cookie}");
    }
}

#[test]
fn parameters_that_an_upstream_could_read_as_the_token() {
    for path in [
        "/?access.token=J",
        "/?access_token=J&access.token=J",
        "/?access+token=J",
        "/?access%20token=J",
        "/?access%2520token=J",
        "/?+access_token=J",
        "/?%20access_token=J",
        "/?access_token%20=J",
        "/?access_token[]=J",
        "/?access_token%5B0%5D=J",
        "/?access[token=J",
        "/?access_token%00x=J",
        "/?Access_Token=J",
        "/?x=1;access_token=J",
        "/?x=1;Access_Token=H.P",
        "/?ACCESS_TOKEN=H.P;x",
        "/a?b?c&access%5btoken=J",
        "/?[access_token]=J",
        "/?%5Baccess_token%5D=J",
        "/?[access_token][0]=J",
        "/?access_token]=J",
        "/?]access_token=J",
        "/?access%u005ftoken=J",
        "/?%u0061ccess_token=J",
        "/?%C2%A0access_token=J",
    ] {
        assert!(hide_token(path, &[]), "{path}");
    }
    for path in [
        "/",
        "/?",
        "/?access_token=J",
        "/?access%5Ftoken=J",
        "/?access_token=J;x=1",
        "/?access_token=H.P",
        "/?Access_Token=abc",
        "/?access.token=1.2.3",
        "/?Access_Token=example.com",
        "/?%u00=J&%u12&%u&[]=J&x[access_token]=J",
        "/?id_token=J&token=J&access-token=J&x_access_token=J",
        "/access.token=J",
        "/;access_token=J",
    ] {
        assert!(!hide_token(path, &[]), "{path}");
    }
}

#[test]
fn headers_that_an_upstream_could_read_as_the_token() {
    for (name, value) in [
        ("x_api_token", "J"),
        ("x.api.token", "Bearer H.P"),
        ("x_api-token", "a,H.P"),
    ] {
        assert!(hide_token("/", &[(name, value)]), "{name}");
    }
    for (name, value) in [
        ("x-api-token", "J"),
        ("authorization", "Bearer J"),
        ("x_api_token", "abc"),
        ("x-api-tokens", "J"),
        ("x-other", "J"),
    ] {
        assert!(!hide_token("/", &[(name, value)]), "{name}");
    }
}

/// Each way to read a cookie header takes linear time: quadratic time would block a worker thread.
#[test]
fn huge_cookies_and_queries_are_read_in_linear_time() {
    for piece in [
        "s=AAAA,", "s=a ", " s =", "s=s=", "AAAA;", "\"", ", s", "%25", "s=\";", "s=\"\\;", "[",
        "%u",
    ] {
        let huge = format!("s={}", piece.repeat(100_000));
        assert!(!hide_token("/", &[("cookie", &huge)]));
        let path = format!("/?Access_Token={huge}");
        assert!(!hide_token(&path, &[]));
    }
}
