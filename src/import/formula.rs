//! A formula over a request and its token, which says whether the request is admitted.

use crate::import::claims::ClaimTest;
use crate::import::paths::PathTest;
use crate::import::text_test::TextTest;

/// A formula. `All(vec![])` always holds, `Any(vec![])` never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Formula {
    All(Vec<Formula>),
    Any(Vec<Formula>),
    Not(Box<Formula>),
    Atom(Atom),
    /// A condition that accredit cannot express. It is not known whether the condition holds, nor whether its negation holds.
    Unknown,
}

/// One condition. A list holds if one of its elements holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    Paths(Vec<PathTest>),
    /// The host, without its port and in lower case.
    Hosts(Vec<TextTest>),
    Methods(Vec<TextTest>),
    /// The header is present in the client's request, and has such a value if there is a test.
    Header(String, Option<TextTest>),
    /// The same of the header after the verification of the token, which can set or remove it. `resolved_headers` replaces it.
    ForwardedHeader(String, Option<TextTest>),
    /// CIDR ranges of the connection's peer.
    Addresses(Vec<String>),
    /// The principal of the connection's peer, as its certificate names it.
    Principals(Vec<TextTest>),
    Preflight,
    /// An entry of Envoy's per-route `context_extensions`.
    Context(String, String),
    /// The request has a verified token.
    Token,
    Issuers(Vec<TextTest>),
    Audiences(Vec<TextTest>),
    /// One of the token's scopes.
    Scopes(Vec<TextTest>),
    Claim(ClaimTest),
    /// A CEL expression over `claims`, of a token.
    Expression(String),
}

impl Atom {
    /// Whether it holds for requests with a verified token only.
    pub(crate) fn needs_token(&self) -> bool {
        match self {
            Atom::Token
            | Atom::Issuers(_)
            | Atom::Audiences(_)
            | Atom::Scopes(_)
            | Atom::Claim(_)
            | Atom::Expression(_) => true,
            Atom::Paths(_)
            | Atom::Hosts(_)
            | Atom::Methods(_)
            | Atom::Header(..)
            | Atom::ForwardedHeader(..)
            | Atom::Addresses(_)
            | Atom::Principals(_)
            | Atom::Preflight
            | Atom::Context(..) => false,
        }
    }
}

impl Formula {
    /// A formula that always holds.
    pub(crate) fn always() -> Formula {
        Formula::All(Vec::new())
    }

    /// A formula that never holds.
    pub(crate) fn never() -> Formula {
        Formula::Any(Vec::new())
    }

    pub(crate) fn is_always(&self) -> bool {
        *self == Formula::always()
    }

    pub(crate) fn is_never(&self) -> bool {
        *self == Formula::never()
    }

    pub(crate) fn all(parts: impl IntoIterator<Item = Formula>) -> Formula {
        let mut kept: Vec<Formula> = Vec::new();
        for part in parts {
            match part {
                Formula::All(inner) => kept.extend(inner),
                part if part.is_never() => return Formula::never(),
                part if kept.contains(&part) => {}
                part => kept.push(part),
            }
        }
        if has_opposites(&kept) {
            return Formula::never();
        }
        single(kept, Formula::All)
    }

    pub(crate) fn any(parts: impl IntoIterator<Item = Formula>) -> Formula {
        let mut kept: Vec<Formula> = Vec::new();
        for part in parts {
            match part {
                part if part.is_always() => return Formula::always(),
                Formula::Any(inner) => inner.into_iter().for_each(|part| join(&mut kept, part)),
                part => join(&mut kept, part),
            }
        }
        if has_opposites(&kept) {
            return Formula::always();
        }
        single(kept, Formula::Any)
    }

    pub(crate) fn not(formula: Formula) -> Formula {
        match formula {
            Formula::Not(inner) => *inner,
            Formula::Unknown => Formula::Unknown,
            formula if formula.is_always() => Formula::never(),
            formula if formula.is_never() => Formula::always(),
            formula => Formula::Not(Box::new(formula)),
        }
    }

    /// The formula with each condition replaced.
    pub(crate) fn replaced(&self, replace: &impl Fn(&Atom) -> Formula) -> Formula {
        let all = |parts: &[Formula]| -> Vec<Formula> {
            parts.iter().map(|part| part.replaced(replace)).collect()
        };
        match self {
            Formula::All(parts) => Formula::all(all(parts)),
            Formula::Any(parts) => Formula::any(all(parts)),
            Formula::Not(inner) => Formula::not(inner.replaced(replace)),
            Formula::Atom(atom) => replace(atom),
            Formula::Unknown => Formula::Unknown,
        }
    }

    /// The formula about the headers after the verification of the token.
    pub(crate) fn of_forwarded_headers(&self) -> Formula {
        self.replaced(&|atom| {
            Formula::Atom(match atom {
                Atom::Header(name, test) => Atom::ForwardedHeader(name.clone(), test.clone()),
                other => other.clone(),
            })
        })
    }

    /// The formula for a request whose token nothing verifies: no condition on the token holds.
    pub(crate) fn without_token(&self) -> Formula {
        match self {
            Formula::All(parts) => Formula::all(parts.iter().map(Formula::without_token)),
            Formula::Any(parts) => Formula::any(parts.iter().map(Formula::without_token)),
            Formula::Not(inner) => Formula::not(inner.without_token()),
            Formula::Atom(atom) if atom.needs_token() => Formula::never(),
            formula => formula.clone(),
        }
    }
}

/// Whether a part is the negation of another one.
fn has_opposites(parts: &[Formula]) -> bool {
    parts
        .iter()
        .any(|part| matches!(part, Formula::Not(inner) if parts.contains(inner)))
}

fn single(mut parts: Vec<Formula>, several: fn(Vec<Formula>) -> Formula) -> Formula {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            parts.push(last);
            several(parts)
        }
        (_, None) => several(parts),
    }
}

/// Adds an alternative. Two alternatives of one kind become one with a longer list.
fn join(kept: &mut Vec<Formula>, part: Formula) {
    if kept.contains(&part) {
        return;
    }
    if let Formula::Atom(added) = &part {
        for own in kept.iter_mut() {
            if let Formula::Atom(own) = own
                && join_atoms(own, added)
            {
                return;
            }
        }
    }
    if let Formula::All(added) = &part {
        for own in kept.iter_mut() {
            if let Formula::All(own) = own
                && join_claims(own, added)
            {
                return;
            }
        }
    }
    kept.push(part);
}

/// Merges `added` into `own` if the two differ in a test of one claim only. Returns whether it did.
fn join_claims(own: &mut [Formula], added: &[Formula]) -> bool {
    if own.len() != added.len() {
        return false;
    }
    let mut differing = own
        .iter_mut()
        .zip(added)
        .filter(|(own, added)| **own != **added);
    match (differing.next(), differing.next()) {
        (Some((Formula::Atom(Atom::Claim(own)), Formula::Atom(Atom::Claim(added)))), None) => {
            own.join(added)
        }
        _ => false,
    }
}

/// Merges `added` into `own` if possible. Returns whether it did.
fn join_atoms(own: &mut Atom, added: &Atom) -> bool {
    match (own, added) {
        (Atom::Paths(own), Atom::Paths(added)) => extend(own, added),
        (Atom::Hosts(own), Atom::Hosts(added))
        | (Atom::Methods(own), Atom::Methods(added))
        | (Atom::Principals(own), Atom::Principals(added))
        | (Atom::Issuers(own), Atom::Issuers(added))
        | (Atom::Audiences(own), Atom::Audiences(added))
        | (Atom::Scopes(own), Atom::Scopes(added)) => extend(own, added),
        (Atom::Addresses(own), Atom::Addresses(added)) => extend(own, added),
        (Atom::Claim(own), Atom::Claim(added)) => own.join(added),
        _ => false,
    }
}

fn extend<T: Clone + PartialEq>(own: &mut Vec<T>, added: &[T]) -> bool {
    for element in added {
        if !own.contains(element) {
            own.push(element.clone());
        }
    }
    true
}
