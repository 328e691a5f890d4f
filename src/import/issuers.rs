//! The issuers of a policy: one entry each, and only those that accredit accepts.

use accredit_core::keys::key_set::KeySet;

use crate::import::policy::{ProviderKeys, TokenProvider};
use crate::import::report::ImportReport;
use crate::import::setting_lines::provider_lines;
use crate::import::verify::verify;

/// Removes the settings of a provider that accredit does not accept. `None` if the provider cannot be used: its tokens
/// are then refused.
pub(crate) fn usable(
    mut provider: TokenProvider,
    origin: &str,
    report: &ImportReport,
) -> Option<TokenProvider> {
    let at = provider.at.clone();
    let had_audiences = !provider.audiences.is_empty();
    provider.audiences.retain(|audience| {
        let is_usable = !audience.is_empty()
            && audience != "any"
            && audience.trim() == audience
            && !audience.contains("${");
        if !is_usable {
            report.left_out(
                &at,
                format_args!(
                    "accredit cannot compare the audience {audience:?}, so no token has it"
                ),
                "name another audience",
            );
        }
        is_usable
    });
    for audience in provider
        .audiences
        .iter()
        .filter(|audience| audience.ends_with('/'))
    {
        report.left_out(
            &at,
            format_args!(
                "the audience {audience:?} ends with `/`; {origin} also accepts it without, and without `https://`, and accredit \
                 compares character by character"
            ),
            "add the other forms to `audiences` if the issuer uses them",
        );
    }
    let is_refused = match (had_audiences, provider.audiences.is_empty()) {
        (true, true) => Some("it has no usable audience".to_owned()),
        _ => refusal(&mut provider, origin, report),
    };
    match is_refused {
        None => Some(provider),
        Some(why) => {
            report.left_out(
                &at,
                format_args!("accredit cannot use this issuer, and refuses its tokens: {why}"),
                "add the issuer by hand",
            );
            None
        }
    }
}

/// Why accredit does not accept the entry.
fn refusal(provider: &mut TokenProvider, origin: &str, report: &ImportReport) -> Option<String> {
    if provider.issuer.contains(['{', '}']) {
        return Some("its name has braces, which stand for tenants in accredit".to_owned());
    }
    let texts = [&provider.issuer].into_iter().chain(
        match &provider.keys {
            ProviderKeys::Uri { uri, ca_file, .. } => vec![Some(uri), ca_file.as_ref()],
            ProviderKeys::File(text) | ProviderKeys::Inline(text) => vec![Some(text)],
            ProviderKeys::Variable(_) | ProviderKeys::Discovery => Vec::new(),
        }
        .into_iter()
        .flatten(),
    );
    if texts.into_iter().any(|text| text.contains("${")) {
        return Some(
            "a text in it has `${`, which accredit would read as a variable of the environment"
                .to_owned(),
        );
    }
    if let ProviderKeys::Inline(text) = &provider.keys
        && let Ok(keys) = KeySet::parse(text.as_bytes())
    {
        for unused in keys.set_aside() {
            report.left_out(
                &provider.at,
                format_args!(
                    "accredit does not use a key of the key set: {}",
                    unused.reason
                ),
                "sign with an asymmetric algorithm, such as RS256 or ES256",
            );
        }
    }
    let entry = |provider: &TokenProvider| {
        // The file with the authorities is not read here.
        format!(
            "issuers:\n{}\n",
            provider_lines(provider, origin).join("\n")
        )
    };
    let headers = std::mem::take(&mut provider.claim_headers);
    if let Err(problems) = verify(&entry(provider)) {
        return Some(problems.join("; "));
    }
    for (header, claim) in headers {
        provider.claim_headers.push((header.clone(), claim));
        if let Err(problems) = verify(&entry(provider)) {
            provider.claim_headers.pop();
            report.left_out(
                &provider.at,
                format_args!(
                    "accredit cannot set the header {header}: {}",
                    problems.join("; ")
                ),
                "choose another header in `claim_headers`",
            );
        }
    }
    None
}
