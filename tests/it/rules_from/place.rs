//! A configuration with the rules files of two teams, and what a service decides by them.

use std::path::PathBuf;

use crate::support::check_request::ClientRequest;
use crate::support::keys::{rsa, set};
use crate::support::process::{Running, accredit};
use crate::support::service::inline_issuer;
use crate::support::token::Token;

const ISSUER: &str = "https://issuer.test";

pub(super) const SHOP: &str = "- { name: read, match: { methods: [GET] }, any_scope: [shop] }\n- { name: rest, access: deny }\n";

/// A folder with a configuration and with the folders of two teams.
pub(super) struct Place {
    pub(super) folder: tempfile::TempDir,
}

impl Place {
    pub(super) fn new() -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
        };
        for team in ["shop", "pay"] {
            std::fs::create_dir(place.path(team)).unwrap();
        }
        place.write("shop/shop.yaml", SHOP);
        place.write("accredit.yaml", &place.configuration(""));
        place
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        // As a ConfigMap is: a reader sees the old text or the new one.
        let next = self.path("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, self.path(name)).unwrap();
    }

    pub(super) fn configuration(&self, more: &str) -> String {
        let issuer = inline_issuer(ISSUER, &set([rsa(0).jwk("k")]), "");
        let folder = self.folder.path().display();
        format!(
            "listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\nissuers:\n{issuer}rules:\n  \
             - {{ name: health, match: {{ paths: [/shop/health] }}, access: anonymous }}\nrules_from:\n  \
             - {{ files: '{folder}/shop/*.yaml', hosts: [shop.test], paths: [/shop/**] }}\n  \
             - {{ files: '{folder}/pay/*.yaml', hosts: ['*.pay.test'] }}\n{more}"
        )
    }

    pub(super) async fn serve(&self) -> Running {
        let config = self.path("accredit.yaml");
        let mut command = accredit(&["serve", "--config", config.to_str().unwrap()]);
        let mut running = Running::start(&mut command).await;
        running.wait_for_line("\"ready\"").await;
        running
    }
}

pub(super) fn request(host: &str, path: &str, scope: &str) -> ClientRequest {
    let token = Token::of(ISSUER).claim("scope", scope).signed(rsa(0));
    ClientRequest::bearer(&token).at(host).path(path)
}

/// The rule that decides, and the reason.
pub(super) async fn decision(running: &Running, request: ClientRequest) -> (String, String) {
    let answer = running.check(request).await;
    (answer.text("rule").unwrap(), answer.reason())
}

pub(super) async fn decides(running: &Running, host: &str, path: &str, rule: &str, reason: &str) {
    let found = decision(running, request(host, path, "shop")).await;
    assert_eq!(found, (rule.to_owned(), reason.to_owned()), "{host}{path}");
}
