//! The requests of routes and of alternatives, as regions that a `match` selects.

use crate::import::conjunctions::{Conjunction, Demand, UnknownCounts, alternatives};
use crate::import::formula::{Atom, Formula};
use crate::import::paths::PathRounding;
use crate::import::policy::{NamedFormula, PolicyRoute, TokenCheck};
use crate::import::region::{Common, RequestRegion};

/// The conditions without those that hold for every request of a region. `None` if one holds for none of them.
pub(crate) fn within(conjunction: Conjunction, region: &RequestRegion) -> Option<Conjunction> {
    let selects = |demand: &Demand, rounding| {
        demand
            .is_negated
            .then(|| RequestRegion::of(&demand.atom, rounding))
            .flatten()
    };
    let never_holds = |demand: &Demand| {
        selects(demand, PathRounding::Fewer).is_some_and(|excluded| excluded.covers(region))
    };
    let always_holds = |demand: &Demand| {
        selects(demand, PathRounding::More).is_some_and(|excluded| excluded.is_disjoint(region))
    };
    if conjunction.iter().any(never_holds) {
        return None;
    }
    Some(
        conjunction
            .into_iter()
            .filter(|demand| !always_holds(demand))
            .collect(),
    )
}

/// The requests of a deny rule, rounded to more requests.
pub(crate) fn selected(conjunction: &[Demand], region: &RequestRegion) -> Option<Common> {
    let mut own = region.clone();
    for demand in conjunction {
        if demand.is_negated {
            return None;
        }
        match own.common(&RequestRegion::of(&demand.atom, PathRounding::More)?) {
            Common::Region(common) => own = common,
            other => return Some(other),
        }
    }
    Some(Common::Region(own))
}

/// The region of a formula over the request. `None` if no `match` selects it.
pub(crate) fn region_of(formula: &Formula, rounding: PathRounding) -> Option<Common> {
    let found = alternatives(formula, UnknownCounts::AsTrue).ok()?;
    // An unknown condition must not widen the region of a route, because the other requests belong to another route.
    let known = alternatives(formula, UnknownCounts::AsFalse).ok()?;
    if found != known {
        return None;
    }
    match found.as_slice() {
        [] => Some(Common::Nothing),
        [conjunction] => {
            let mut own = RequestRegion::default();
            for demand in conjunction {
                if demand.is_negated {
                    return None;
                }
                match own.common(&RequestRegion::of(&demand.atom, rounding)?) {
                    Common::Region(common) => own = common,
                    other => return Some(other),
                }
            }
            Some(Common::Region(own))
        }
        _ => None,
    }
}

/// The paths that the two sides of a region treat differently.
pub(crate) fn boundaries(formula: &Formula) -> Vec<String> {
    match formula {
        Formula::All(parts) | Formula::Any(parts) => parts.iter().flat_map(boundaries).collect(),
        Formula::Not(inner) => boundaries(inner),
        Formula::Atom(Atom::Paths(paths)) => {
            paths.iter().filter_map(|path| path.boundary()).collect()
        }
        Formula::Atom(_) | Formula::Unknown => Vec::new(),
    }
}

/// A route and those after it as one route for every request.
pub(crate) fn merged(route: &PolicyRoute, later: &[PolicyRoute]) -> PolicyRoute {
    let mut rest = Formula::never();
    for route in std::iter::once(route).chain(later).rev() {
        let (region, admitted) = (route.region.clone(), route.admitted());
        rest = match (&admitted, &rest) {
            (admitted, _) if admitted.is_always() => Formula::any([region, rest]),
            (_, rest) if rest.is_never() => Formula::all([region, admitted]),
            (admitted, _) if admitted.is_never() => Formula::all([Formula::not(region), rest]),
            (_, rest) if rest.is_always() => Formula::any([admitted, Formula::not(region)]),
            _ => Formula::any([
                Formula::all([region.clone(), admitted]),
                Formula::all([Formula::not(region), rest]),
            ]),
        };
    }
    PolicyRoute {
        name: route.name.clone(),
        region: Formula::always(),
        verification: TokenCheck::Applied,
        denies: Vec::new(),
        allows: vec![NamedFormula::new(route.name.clone(), rest)],
        comment: route.comment.clone(),
    }
}
