//! The configurations of docs/issuers.md decide tokens and key sets that have the shape of each issuer's.

mod clouds;
mod key_sets;
mod page;
mod sample;
mod servers;
mod sign_in;
mod workloads;

use std::collections::BTreeSet;

use self::sample::Sample;

/// The samples of every section of the page.
const ALL: [fn() -> Sample; 15] = [
    clouds::scalekit,
    clouds::entra_id,
    clouds::okta,
    sign_in::auth0,
    sign_in::cognito,
    sign_in::firebase,
    servers::keycloak,
    servers::zitadel,
    servers::hydra,
    servers::dex,
    servers::ad_fs,
    workloads::google,
    workloads::github_actions,
    workloads::kubernetes,
    workloads::spiffe,
];

#[test]
fn each_configuration_has_samples() {
    let sampled: BTreeSet<_> = ALL.iter().map(|sample| sample().heading).collect();
    let page = page::text();
    let sections: BTreeSet<_> = page::sections(&page).map(|(heading, _)| heading).collect();
    assert_eq!(sampled, sections);
    for sample in ALL {
        let sample = sample();
        assert!(!sample.admitted.is_empty() && !sample.refused.is_empty());
    }
}

/// CONTRACT 5.7.2a: the same keys, written by other serializers.
#[tokio::test]
async fn each_key_set_is_used_whichever_way_its_serializer_writes_it() {
    for sample in ALL {
        let sample = sample();
        for (way, rewrite) in key_sets::WAYS {
            let service = sample.serve(rewrite).await;
            let envoy = service.envoy().await;
            for token in &sample.admitted {
                let answer = envoy.check(token.request()).await;
                assert_eq!(
                    answer.reason(),
                    "allowed",
                    "{}, {way}: {}",
                    sample.heading,
                    token.name
                );
            }
        }
    }
}
