//! A formula as alternatives, each of which is a list of conditions that must all hold.

use crate::import::formula::{Atom, Formula};

/// A condition, or its negation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) atom: Atom,
    pub(crate) is_negated: bool,
}

/// Conditions that must all hold. An empty one always holds.
pub(crate) type Conjunction = Vec<Demand>;

/// The maximum number of alternatives. An operator could not read more.
const MAX_ALTERNATIVES: usize = 256;

/// The formula has too many alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyAlternatives;

/// The truth value of [`Formula::Unknown`], negated or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownCounts {
    /// As not fulfilled: the alternatives hold for no request for which the formula may not hold.
    AsFalse,
    /// As fulfilled: the alternatives hold for every request for which the formula may hold.
    AsTrue,
}

/// The alternatives of a formula. None means that it never holds.
///
/// # Errors
/// [`TooManyAlternatives`]
pub(crate) fn alternatives(
    formula: &Formula,
    unknown: UnknownCounts,
) -> Result<Vec<Conjunction>, TooManyAlternatives> {
    Ok(simplified(expand(formula, false, unknown)?))
}

/// The same alternatives without those that others include. Two that differ in a negation only become one.
pub(crate) fn simplified(all: Vec<Conjunction>) -> Vec<Conjunction> {
    let mut found: Vec<Conjunction> = Vec::new();
    let mut next = all;
    next.reverse();
    while let Some(mut conjunction) = next.pop() {
        let includes = |one: &Conjunction, other: &Conjunction| {
            other.iter().all(|demand| one.contains(demand))
        };
        if found.iter().any(|own| includes(&conjunction, own)) {
            continue;
        }
        let opposite = found.iter().enumerate().find_map(|(place, own)| {
            let differing = difference(own, &conjunction)?;
            Some((place, differing))
        });
        if let Some((place, differing)) = opposite {
            found.remove(place);
            conjunction.remove(differing);
            next.push(conjunction);
            continue;
        }
        found.retain(|own| !includes(own, &conjunction));
        found.push(conjunction);
    }
    found
}

/// The place in `other` of the only demand in which the two differ, if one has its negation.
fn difference(one: &Conjunction, other: &Conjunction) -> Option<usize> {
    let mut differing = (0..).zip(other).filter(|(_, demand)| !one.contains(demand));
    let (place, demand) = differing.next()?;
    let opposite = Demand {
        is_negated: !demand.is_negated,
        ..demand.clone()
    };
    let is_only = differing.next().is_none() && one.len() == other.len();
    (is_only && one.contains(&opposite)).then_some(place)
}

fn expand(
    formula: &Formula,
    is_negated: bool,
    unknown: UnknownCounts,
) -> Result<Vec<Conjunction>, TooManyAlternatives> {
    match (formula, is_negated) {
        (Formula::Unknown, _) => Ok(match unknown {
            UnknownCounts::AsFalse => Vec::new(),
            UnknownCounts::AsTrue => vec![Vec::new()],
        }),
        (Formula::Atom(atom), _) => Ok(vec![vec![Demand {
            atom: atom.clone(),
            is_negated,
        }]]),
        (Formula::Not(inner), _) => expand(inner, !is_negated, unknown),
        (Formula::All(parts), false) | (Formula::Any(parts), true) => {
            let mut product: Vec<Conjunction> = vec![Vec::new()];
            for part in parts {
                let added = expand(part, is_negated, unknown)?;
                product = product
                    .iter()
                    .flat_map(|own| added.iter().filter_map(|added| joined(own, added)))
                    .collect();
                limit(&product)?;
            }
            Ok(product)
        }
        (Formula::Any(parts), false) | (Formula::All(parts), true) => {
            let mut sum = Vec::new();
            for part in parts {
                sum.extend(expand(part, is_negated, unknown)?);
                limit(&sum)?;
            }
            Ok(sum)
        }
    }
}

fn limit(found: &[Conjunction]) -> Result<(), TooManyAlternatives> {
    match found.len() > MAX_ALTERNATIVES {
        true => Err(TooManyAlternatives),
        false => Ok(()),
    }
}

/// Both, or nothing if they contradict each other.
fn joined(one: &Conjunction, other: &Conjunction) -> Option<Conjunction> {
    let mut both = one.clone();
    for added in other {
        let contradicts =
            |own: &Demand| own.atom == added.atom && own.is_negated != added.is_negated;
        if both.iter().any(contradicts) || lacks_token(&both, added) {
            return None;
        }
        if !both.contains(added) {
            both.push(added.clone());
        }
    }
    Some(both)
}

/// Whether one needs a token and the other needs that there is none.
fn lacks_token(own: &[Demand], added: &Demand) -> bool {
    let needs = |demand: &Demand| !demand.is_negated && demand.atom.needs_token();
    let excludes = |demand: &Demand| demand.is_negated && demand.atom == Atom::Token;
    (needs(added) && own.iter().any(excludes)) || (excludes(added) && own.iter().any(needs))
}

/// The formula that the conditions make together.
pub(crate) fn formula_of(conjunction: &[Demand]) -> Formula {
    Formula::all(conjunction.iter().map(|demand| {
        let atom = Formula::Atom(demand.atom.clone());
        match demand.is_negated {
            true => Formula::not(atom),
            false => atom,
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::{UnknownCounts, alternatives};
    use crate::import::formula::{Atom, Formula};

    fn method(name: &str) -> Formula {
        Formula::Atom(Atom::Header(name.to_owned(), None))
    }

    fn shown(formula: &Formula, unknown: UnknownCounts) -> Vec<String> {
        let found = alternatives(formula, unknown).expect("few");
        let texts = found.iter().map(|conjunction| {
            let demands = conjunction.iter().map(|demand| {
                let Atom::Header(name, _) = &demand.atom else {
                    return "?".to_owned();
                };
                match demand.is_negated {
                    true => format!("!{name}"),
                    false => name.clone(),
                }
            });
            demands.collect::<Vec<_>>().join("&")
        });
        texts.collect()
    }

    #[test]
    fn a_formula_becomes_its_alternatives() {
        let [a, b, c] = ["a", "b", "c"].map(method);
        let either = Formula::any([a.clone(), b.clone()]);
        for (formula, expected) in [
            (Formula::always(), vec![""]),
            (Formula::never(), vec![]),
            (either.clone(), vec!["a", "b"]),
            (
                Formula::all([either.clone(), c.clone()]),
                vec!["a&c", "b&c"],
            ),
            (Formula::not(either.clone()), vec!["!a&!b"]),
            (
                Formula::not(Formula::all([a.clone(), Formula::not(b.clone())])),
                vec!["!a", "b"],
            ),
            // A weaker alternative includes a stronger one, which is then removed.
            (
                Formula::any([Formula::all([a.clone(), b.clone()]), a.clone()]),
                vec!["a"],
            ),
            (Formula::all([a.clone(), Formula::not(a.clone())]), vec![]),
        ] {
            assert_eq!(shown(&formula, UnknownCounts::AsFalse), expected);
        }
    }

    #[test]
    fn what_is_unknown_counts_to_one_side_in_both_polarities() {
        let unknown = Formula::all([method("a"), Formula::Unknown]);
        for formula in [
            unknown.clone(),
            Formula::not(Formula::any([method("a"), Formula::Unknown])),
        ] {
            assert_eq!(
                shown(&formula, UnknownCounts::AsFalse),
                Vec::<String>::new()
            );
        }
        assert_eq!(shown(&unknown, UnknownCounts::AsTrue), ["a"]);
        // An unknown condition of a denial counts as fulfilled.
        let denied = Formula::not(unknown);
        assert_eq!(shown(&denied, UnknownCounts::AsFalse), ["!a"]);
    }
}
