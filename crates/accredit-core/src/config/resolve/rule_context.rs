//! The place where rules are written, and the settings that they refer to.

use crate::authn::issuer_template::IssuerTemplate;
use crate::authn::tenants::Tenants;
use crate::config::resolve::expressions::ExpressionContext;
use crate::config::settings::IssuerSettings;
use crate::config::warning::WarningCode;
use crate::forward::strip::TokenForwarding;
use crate::rules::matcher::Matcher;

/// Where rules are written.
#[derive(Clone, Copy)]
pub enum RulesPlace<'a> {
    /// `rules` of the configuration.
    Own,
    /// A rules file.
    File {
        /// The first part of the names of its rules.
        label: &'a str,
        bounds: &'a Matcher,
    },
}

impl RulesPlace<'_> {
    /// The key path of the list.
    pub fn key(self) -> &'static str {
        match self {
            RulesPlace::Own => "rules",
            RulesPlace::File { .. } => "",
        }
    }
}

/// The settings that rules refer to.
pub struct RuleContext<'a> {
    pub issuers: &'a [IssuerSettings],
    /// The names of entries with problems. A rule that names one of them has no problem of its own.
    pub unusable_issuers: &'a [String],
    /// The top-level `forward_token`.
    pub forwarding: TokenForwarding,
    pub expressions: ExpressionContext<'a>,
    /// The warnings that the operator accepts.
    pub accepted: &'a [WarningCode],
}

impl RuleContext<'_> {
    /// Whether this is the issuer of one tenant of an entry with a placeholder.
    pub fn accepts_tenant(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|entry| {
            let names = entry.names.iter().filter(|_| entry.tenants.is_some());
            let mut templates = names.filter_map(|name| IssuerTemplate::parse(name).ok().flatten());
            templates.any(
                |template| match (&entry.tenants, template.tenant_of(issuer)) {
                    (Some(Tenants::OneOf(listed)), Some(tenant)) => listed.contains(tenant),
                    (Some(Tenants::Any), tenant) => tenant.is_some(),
                    (_, None) | (None, _) => false,
                },
            )
        })
    }
}
