//! The issuers and their keys.

use maud::{Markup, html};

use crate::admin::pb;
use crate::admin::text::span;
use crate::console::document::fact;

/// A longer list of keys is folded.
const MAX_UNFOLDED_KEYS: usize = 4;

/// The keys on the page, of all issuers together. The thread that also refreshes keys renders the page for each open
/// tab every few seconds, and holds it until the browser has read it.
const MAX_KEYS: usize = 2_000;

/// The section with all issuers, in the order of the configuration.
pub fn section(issuers: &[pb::Issuer]) -> Markup {
    let mut free = MAX_KEYS;
    html! {
        section id="issuers" aria-labelledby="issuers-title" {
            div.head {
                h2 id="issuers-title" { "Issuers and keys" }
                form.refresh id="refresh" method="post" action="/console/refresh" {
                    button title="Fetch every key set now, as `accredit keys --refresh` does" { "Refresh keys" }
                }
            }
            div.issuers {
                @if issuers.is_empty() {
                    p.quiet { "No issuer is configured." }
                }
                @for (place, issuer) in issuers.iter().enumerate() {
                    (article(place, issuer, &mut free))
                }
            }
        }
    }
}

fn article(place: usize, issuer: &pb::Issuer, free: &mut usize) -> Markup {
    let refreshed = issuer.age_seconds.map(|age| format!("{} ago", span(age)));
    let next = issuer.next_refresh_seconds;
    let next = next.map(|next| format!("in {}", span(next)));
    html! {
        article.issuer {
            header {
                h3 {
                    @for (place, name) in issuer.issuers.iter().enumerate() {
                        @if place > 0 { br; }
                        (name)
                    }
                }
                (badge(issuer))
            }
            @if !issuer.last_error.is_empty() {
                p.trouble { "The latest refresh failed: " (issuer.last_error) }
            }
            dl {
                (fact("Last successful refresh", refreshed.as_deref().unwrap_or("never")))
                (fact("Next refresh", next.as_deref().unwrap_or("none")))
                (fact("Required for readiness", if issuer.required { "yes" } else { "no" }))
                (fact("Key source", &issuer.source))
            }
            (keys(place, issuer, free))
        }
    }
}

/// The states of `accredit keys`.
fn badge(issuer: &pb::Issuer) -> Markup {
    let (class, state) = match (issuer.has_keys, issuer.keys.is_empty()) {
        (true, _) if issuer.last_error.is_empty() => ("badge good", "usable"),
        (true, _) => ("badge warn", "usable, refresh failed"),
        (false, true) => ("badge bad", "no keys"),
        (false, false) => ("badge bad", "too old"),
    };
    html! { span class=(class) { (state) } }
}

fn keys(place: usize, issuer: &pb::Issuer, free: &mut usize) -> Markup {
    let count = issuer.keys.len() + issuer.set_aside.len();
    if count == 0 {
        return html! {};
    }
    let set_aside = issuer.set_aside.len() as u64 + u64::from(issuer.omitted_set_aside);
    let counted = format!("{} keys, {set_aside} set aside", issuer.keys.len());
    let Some(left) = free.checked_sub(count) else {
        return html! {
            p.quiet { (counted) ": too many for this page; " code { "accredit keys" } " lists them" }
        };
    };
    *free = left;
    match count > MAX_UNFOLDED_KEYS {
        true => html! {
            details id={ "keys-" (place) } {
                summary { (counted) }
                (table(issuer))
            }
        },
        false => table(issuer),
    }
}

fn table(issuer: &pb::Issuer) -> Markup {
    let kid = |kid: &Option<String>| {
        html! {
            th scope="row" {
                @match kid {
                    Some(kid) => (kid),
                    None => span.quiet { "none" },
                }
            }
        }
    };
    html! {
        table.keys {
            caption.unseen { "Keys of " (issuer.issuers.first().map_or("", String::as_str)) }
            thead {
                tr {
                    th scope="col" { "kid" }
                    th scope="col" { "type" }
                    th scope="col" { "algorithms" }
                }
            }
            tbody {
                @for key in &issuer.keys {
                    tr {
                        (kid(&key.kid))
                        td { (key.kty) }
                        td { (key.algorithms.join(" ")) }
                    }
                }
                @for key in &issuer.set_aside {
                    tr {
                        (kid(&key.kid))
                        td.aside colspan="2" { "set aside: " (key.reason) }
                    }
                }
                @if issuer.omitted_set_aside > 0 {
                    tr {
                        td.aside colspan="3" { (issuer.omitted_set_aside) " more keys are set aside" }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::section;
    use crate::admin::pb;

    #[test]
    fn keys_beyond_the_limit_of_the_console_page_are_counted() {
        let issuer = |count: usize| pb::Issuer {
            keys: (0..count).map(|_| pb::Key::default()).collect(),
            ..pb::Issuer::default()
        };
        let page = section(&[issuer(1_500), issuer(700), issuer(500), issuer(1)]).0;
        assert_eq!(page.matches("<th scope=\"row\">").count(), 2_000);
        assert!(page.contains("700 keys, 0 set aside: too many"));
        assert!(page.contains("1 keys, 0 set aside: too many"));
    }
}
