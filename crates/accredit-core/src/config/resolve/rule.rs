//! One rule: its name, what it requires, and contradictions within it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::resolve::claims::claim_demands;
use crate::config::resolve::exact::exact_audiences;
use crate::config::resolve::rule_context::{RuleContext, RulesPlace};
use crate::config::rule_document::{RuleDocument, WhenDocument};
use crate::config::sentence::Sentence;
use crate::config::warning::WarningCode;
use crate::config::words::AccessWord;
use crate::expression::variables::VariableSet;
use crate::forward::strip::TokenForwarding;
use crate::rules::condition::Condition;
use crate::rules::demands::Demands;
use crate::rules::matcher::Matcher;
use crate::rules::rule::Access;
use crate::token::accepted_texts::AcceptedTexts;
use crate::token::numeric_date::NumericDate;

/// A rule of a document, with the settings that are needed to resolve it.
pub struct RuleResolver<'a> {
    /// The key path of the rule.
    pub key: &'a str,
    /// Its number in the list.
    pub number: usize,
    pub place: RulesPlace<'a>,
    pub document: &'a RuleDocument,
    pub context: &'a RuleContext<'a>,
}

impl RuleResolver<'_> {
    pub fn name(&self, seen: &mut HashMap<String, String>, problems: &mut Problems) -> String {
        let name = self.own_name(seen, problems);
        match self.place {
            RulesPlace::Own => name,
            RulesPlace::File { label, .. } => format!("{label}:{name}"),
        }
    }

    fn own_name(&self, seen: &mut HashMap<String, String>, problems: &mut Problems) -> String {
        let Some(name) = &self.document.name else {
            let name = path::item("rules", self.number);
            if let Some(other) = seen.insert(name.clone(), self.key.to_owned()) {
                problems.error(
                    &other,
                    Sentence::own(format!(
                        "this is the default name of the rule at {}",
                        self.key
                    )),
                    "choose another name",
                );
            }
            return name;
        };
        let key = path::member(self.key, "name");
        if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
            problems.error(
                &key,
                "a rule name has 1 to 128 bytes and no control characters",
                "write such a name",
            );
        } else if let Some(other) = seen.insert(name.clone(), key.clone()) {
            problems.error(
                &key,
                Sentence::own(format!("this name is also at {other}")),
                "choose another name",
            );
        }
        name.clone()
    }

    /// A value with a problem counts as `token`, because every other key of a rule has a meaning with `token`. With
    /// another placeholder, its restrictions would hide the problems of those keys (CONTRACT 2.4.1).
    fn access_word(&self, problems: &Problems) -> AccessWord {
        match self.document.access {
            Some(word) if !problems.is_repaired(&path::member(self.key, "access")) => word.value,
            Some(_) | None => AccessWord::Token,
        }
    }

    /// CONTRACT 3.5.9
    pub fn warn_if_open(&self, matcher: &Matcher, problems: &mut Problems) {
        let access = self.access_word(problems);
        let admits_without_token = matches!(access, AccessWord::Anonymous | AccessWord::Optional);
        if admits_without_token && matcher.matches_all() && !problems.is_repaired(self.key) {
            problems.warn(
                WarningCode::RuleOpen,
                self.key,
                match self.place {
                    RulesPlace::Own => "this rule admits every request without a token, because `match` has no condition",
                    RulesPlace::File { .. } => {
                        "this rule admits every request to the hosts and paths of its file without a token, because `match` has no condition"
                    }
                },
                "add a condition to `match`, or change `access`",
            );
        }
    }

    pub fn access(&self, problems: &mut Problems) -> Access {
        let when = self.condition(problems);
        match self.access_word(problems) {
            AccessWord::Deny => {
                self.refuse_demands("a `deny` rule denies every request", problems);
                if self.document.when.is_some() {
                    self.refuse("when", "a `deny` rule denies every request", problems);
                }
                Access::Deny
            }
            AccessWord::Anonymous => {
                self.refuse_demands("an `anonymous` rule reads no token", problems);
                Access::Anonymous { when }
            }
            AccessWord::Optional => Access::Optional(self.demands(when, problems)),
            AccessWord::Token => Access::Token(self.demands(when, problems)),
        }
    }

    fn demands(&self, when: Option<Condition>, problems: &mut Problems) -> Demands {
        Demands {
            issuers: self.issuers(problems),
            audiences: self.audiences(problems),
            scopes: self.scopes("scopes", self.document.scopes.as_deref(), problems),
            any_scope: self
                .scopes("any_scope", self.document.any_scope.as_deref(), problems)
                .into(),
            claims: claim_demands(self.key, self.document.claims.as_ref(), problems),
            when,
        }
    }

    fn issuers(&self, problems: &mut Problems) -> Option<Vec<Arc<str>>> {
        let listed = self.document.issuers.as_ref()?;
        let key = path::member(self.key, "issuers");
        let configured = || self.context.issuers.iter().flat_map(|issuer| &issuer.names);
        for (number, name) in listed.iter().enumerate() {
            let is_known = configured().any(|own| **own == **name)
                || self.context.unusable_issuers.contains(name)
                || self.context.accepts_tenant(name);
            if !is_known && !problems.has_repaired_issuer_name() {
                problems.error(
                    &path::item(&key, number),
                    "this issuer is not configured",
                    "write one of the top-level `issuers`, character by character",
                );
            }
        }
        Some(listed.iter().map(|name| name.as_str().into()).collect())
    }

    fn audiences(&self, problems: &mut Problems) -> Option<AcceptedTexts> {
        let listed = self.document.audiences.as_ref()?;
        let key = path::member(self.key, "audiences");
        exact_audiences(&key, listed, "list audiences, or remove the key", problems);
        Some(listed.clone().into())
    }

    fn scopes(
        &self,
        name: &str,
        listed: Option<&[String]>,
        problems: &mut Problems,
    ) -> Vec<String> {
        let key = path::member(self.key, name);
        for (number, scope) in listed.unwrap_or_default().iter().enumerate() {
            // RFC 6749 section 3.3. A challenge quotes the scope unchanged.
            let is_scope = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            if scope.is_empty() || !scope.bytes().all(is_scope) {
                problems.error(
                    &path::item(&key, number),
                    "this is not a scope",
                    "write one scope: printable ASCII without space, \" and \\ (RFC 6749 section 3.3)",
                );
            }
        }
        listed.unwrap_or_default().to_vec()
    }

    fn condition(&self, problems: &mut Problems) -> Option<Condition> {
        let key = path::member(self.key, "when");
        let (key, text, message) = match self.document.when.as_ref()? {
            WhenDocument::Expression(text) => (key, text, None),
            WhenDocument::WithMessage(when) => (
                path::member(&key, "expression"),
                &when.expression,
                when.message.clone(),
            ),
        };
        self.context
            .expressions
            .compile(&key, text, VariableSet::Request, problems)
            .map(|expression| Condition::new(expression, message))
    }

    /// The end of the last day of `shadow`.
    pub fn trial_end(&self, problems: &mut Problems) -> Option<NumericDate> {
        let shadow = self.document.shadow.as_ref()?;
        if self.access_word(problems) == AccessWord::Deny {
            self.refuse("shadow", "a `deny` rule denies every request", problems);
            return None;
        }
        let key = path::member(&path::member(self.key, "shadow"), "until");
        let day = NaiveDate::parse_from_str(&shadow.until, "%Y-%m-%d").ok();
        let end = day
            .filter(|_| shadow.until.len() == 10)
            .and_then(|day| day.succ_opt()?.and_hms_opt(0, 0, 0))
            .and_then(|end| u64::try_from(end.and_utc().timestamp()).ok());
        let Some(end) = end else {
            problems.error(&key, "this is not a day", "write a day such as 2027-01-31");
            return None;
        };
        problems.warn(
            WarningCode::RuleShadow,
            &key,
            "until this day ends (UTC), the rule admits every request that it would deny, also without a token or with a bad one",
            "remove `shadow` to enforce the rule",
        );
        Some(NumericDate::after_epoch(Duration::from_secs(end)))
    }

    pub fn token_forwarding(&self, problems: &mut Problems) -> Option<TokenForwarding> {
        match (self.access_word(problems), self.document.forward_token) {
            (AccessWord::Deny, Some(_)) => {
                self.refuse(
                    "forward_token",
                    "a `deny` rule denies every request",
                    problems,
                );
                None
            }
            (AccessWord::Anonymous, own) => {
                if own == Some(false) || self.context.forwarding == TokenForwarding::Remove {
                    problems.warn(
            WarningCode::AnonymousTokenForwarded,
                        self.key,
                        "an `anonymous` rule reads no token, so a client's unverified token reaches the upstream although forward_token is false",
                        "use `access: optional`, or make sure that the upstream ignores the token",
                    );
                }
                None
            }
            (_, None) => None,
            (_, Some(true)) => Some(TokenForwarding::Keep),
            (_, Some(false)) => Some(TokenForwarding::Remove),
        }
    }

    fn refuse_demands(&self, because: &str, problems: &mut Problems) {
        let given = [
            ("issuers", self.document.issuers.is_some()),
            ("audiences", self.document.audiences.is_some()),
            ("scopes", self.document.scopes.is_some()),
            ("any_scope", self.document.any_scope.is_some()),
            ("claims", self.document.claims.is_some()),
        ];
        for (name, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            self.refuse(name, because, problems);
        }
    }

    fn refuse(&self, name: &str, because: &str, problems: &mut Problems) {
        problems.error(
            &path::member(self.key, name),
            Sentence::own(format!("this key has no effect: {because}")),
            "remove the key, or change `access`",
        );
    }
}
