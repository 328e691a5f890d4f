//! The result of a reader: the issuers whose tokens are accepted, and the requests that are admitted.

use crate::import::formula::Formula;
use crate::import::text_test::TextTest;

/// One configuration.
#[derive(Clone, Debug)]
pub(crate) struct ImportedPolicy {
    /// The name of the origin, for comments: `jwt_authn`, `Istio`.
    pub(crate) origin: &'static str,
    pub(crate) providers: Vec<TokenProvider>,
    pub(crate) token_places: Vec<ImportedTokenSource>,
    pub(crate) payload_header: Option<String>,
    /// The headers to the upstream that carry claims in the original, also those that accredit cannot set. In lower case.
    pub(crate) verified_headers: Vec<String>,
    /// Those of them that no token sets in the result, and that a client must not set either. In lower case.
    pub(crate) strip_headers: Vec<String>,
    pub(crate) forward_token: ImportedValue<bool>,
    pub(crate) error_details: bool,
    /// The first route whose region contains a request decides. The region of the last route contains every request.
    pub(crate) routes: Vec<PolicyRoute>,
}

/// A value, and whether it is the default of the other tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImportedValue<T> {
    Given(T),
    Default(T),
}

/// Where a request can carry a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImportedTokenSource {
    pub(crate) kind: TokenPlaceKind,
    pub(crate) is_default: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenPlaceKind {
    Header {
        name: String,
        scheme: Option<String>,
    },
    Cookie(String),
    Query(String),
}

/// One issuer, as the other tool has it.
#[derive(Clone, Debug)]
pub(crate) struct TokenProvider {
    /// The place in the input.
    pub(crate) at: String,
    pub(crate) issuer: String,
    /// None: any audience.
    pub(crate) audiences: Vec<String>,
    pub(crate) keys: ProviderKeys,
    pub(crate) algorithms: &'static [&'static str],
    /// In milliseconds.
    pub(crate) clock_skew: ImportedValue<u64>,
    /// In milliseconds.
    pub(crate) max_lifetime: Option<u64>,
    pub(crate) required_claims: Vec<Vec<String>>,
    /// The claims that carry scopes, if a rule reads scopes.
    pub(crate) scope_claims: Option<Vec<String>>,
    /// Headers to the upstream, each with the name of the claim.
    pub(crate) claim_headers: Vec<(String, Vec<String>)>,
    /// The accepted subjects. None: any.
    pub(crate) subjects: Option<TextTest>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProviderKeys {
    Uri {
        uri: String,
        /// In milliseconds.
        timeout: Option<u64>,
        /// In milliseconds.
        refresh: Option<u64>,
        ca_file: Option<String>,
    },
    File(String),
    Inline(String),
    /// The environment variable with the key set.
    Variable(String),
    /// The metadata of the issuer.
    Discovery,
}

/// Requests and who of them is admitted.
#[derive(Clone, Debug)]
pub(crate) struct PolicyRoute {
    /// The beginning of the names of its rules.
    pub(crate) name: String,
    /// Conditions on the request only.
    pub(crate) region: Formula,
    pub(crate) verification: TokenCheck,
    /// A request for which one of these formulas holds is denied.
    pub(crate) denies: Vec<NamedFormula>,
    /// A request is admitted only if one of these formulas holds.
    pub(crate) allows: Vec<NamedFormula>,
    pub(crate) comment: Option<String>,
}

/// A formula, and the name of its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFormula {
    pub(crate) name: String,
    pub(crate) formula: Formula,
}

/// Whether a request with a token that fails is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenCheck {
    /// A token is verified if there is one.
    Applied,
    /// No token is looked at.
    Skipped,
}

impl<T: Copy> ImportedValue<T> {
    pub(crate) fn value(&self) -> T {
        match self {
            ImportedValue::Given(value) | ImportedValue::Default(value) => *value,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        matches!(self, ImportedValue::Default(_))
    }
}

impl NamedFormula {
    pub(crate) fn new(name: impl Into<String>, formula: Formula) -> NamedFormula {
        NamedFormula {
            name: name.into(),
            formula,
        }
    }
}

impl PolicyRoute {
    /// A route that admits nothing, because a part of the original that decides about its requests was not read.
    pub(crate) fn refused(name: impl Into<String>, region: Formula) -> PolicyRoute {
        PolicyRoute {
            name: name.into(),
            region,
            verification: TokenCheck::Applied,
            denies: Vec::new(),
            allows: Vec::new(),
            comment: Some(
                "A part of the original that decides was not read; see what `import` printed on standard error."
                    .to_owned(),
            ),
        }
    }

    /// The only route of a policy that admits nothing.
    pub(crate) fn refused_everything() -> PolicyRoute {
        PolicyRoute::refused("everything", Formula::always())
    }

    /// Whether every request of the route is admitted.
    pub(crate) fn is_open(&self) -> bool {
        self.denies.is_empty() && self.allows.iter().any(|allow| allow.formula.is_always())
    }

    /// One formula for the admitted requests of the route. A request with a token that fails is denied even if the
    /// route looks at no token.
    pub(crate) fn admitted(&self) -> Formula {
        let formula = Formula::all(
            self.denies
                .iter()
                .map(|deny| Formula::not(deny.formula.clone()))
                .chain([Formula::any(
                    self.allows.iter().map(|allow| allow.formula.clone()),
                )]),
        );
        match self.verification {
            TokenCheck::Applied => formula,
            TokenCheck::Skipped => formula.without_token(),
        }
    }
}
