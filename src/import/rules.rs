//! From the routes of a policy to the rules of accredit, of which the first that matches decides.

use std::collections::HashSet;

use crate::import::conditions::{PlannedAccess, RuleConditions, conditions};
use crate::import::conjunctions::{
    Conjunction, Demand, UnknownCounts, alternatives, formula_of, simplified,
};
use crate::import::formula::{Atom, Formula};
use crate::import::known_issuers::with_issuers;
use crate::import::paths::PathRounding;
use crate::import::policy::{ImportedPolicy, PolicyRoute, TokenCheck};
use crate::import::region::{Common, RequestRegion};
use crate::import::report::ImportReport;
use crate::import::route_regions::{boundaries, merged, region_of, selected, within};

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RulePlan {
    pub(crate) name: String,
    pub(crate) comment: Option<String>,
    pub(crate) region: RequestRegion,
    pub(crate) conditions: RuleConditions,
}

/// The alternatives that have one region.
struct RegionAdmission {
    name: String,
    region: RequestRegion,
    /// The conditions of which the region was made.
    selected_by: Conjunction,
    rests: Vec<Conjunction>,
}

struct Planner<'a> {
    plans: Vec<RulePlan>,
    names: HashSet<String>,
    report: &'a ImportReport,
}

/// The rules that admit what the policy admits.
pub(crate) fn rules(policy: &ImportedPolicy, report: &ImportReport) -> Vec<RulePlan> {
    let issuers: Vec<&str> = policy
        .providers
        .iter()
        .map(|provider| provider.issuer.as_str())
        .collect();
    let routes: Vec<PolicyRoute> = policy
        .routes
        .iter()
        .map(|route| with_issuers(route, &issuers))
        .collect();
    let mut planner = Planner {
        plans: Vec::new(),
        names: HashSet::new(),
        report,
    };
    let mut decided: Vec<RequestRegion> = Vec::new();
    for (number, route) in routes.iter().enumerate() {
        let is_decided = |region: &RequestRegion| decided.iter().any(|own| own.covers(region));
        if matches!(region_of(&route.region, PathRounding::More), Some(Common::Region(region)) if is_decided(&region))
        {
            continue;
        }
        let later = routes.get(number + 1..).unwrap_or_default();
        let Some(rounding) = planner.rounding(route, later) else {
            // No `match` selects this route, so this and the later ones become conditions.
            planner.route(&merged(route, later), &RequestRegion::default());
            break;
        };
        match region_of(&route.region, rounding) {
            Some(Common::Region(region)) => {
                planner.route(route, &region);
                decided.push(region);
            }
            Some(Common::Nothing) => {}
            Some(Common::Inexpressible) | None => {
                planner.route(&merged(route, later), &RequestRegion::default());
                break;
            }
        }
    }
    planner.plans
}

impl Planner<'_> {
    /// The rounding of the region of a route. `None` if no `match` selects the region.
    fn rounding(&mut self, route: &PolicyRoute, later: &[PolicyRoute]) -> Option<PathRounding> {
        let Common::Region(wide) = region_of(&route.region, PathRounding::More)? else {
            return Some(PathRounding::Fewer);
        };
        let boundaries = boundaries(&route.region);
        if boundaries.is_empty() || route.is_open() {
            return Some(PathRounding::Fewer);
        }
        let boundary = RequestRegion {
            paths: Some(boundaries.clone()),
            ..wide
        };
        let next = later.iter().find(|later| {
            matches!(region_of(&later.region, PathRounding::Fewer), Some(Common::Region(region)) if region.covers(&boundary))
        });
        let is_stricter = next.is_some_and(|next| {
            next.is_open()
                || (next.denies == route.denies
                    && next.allows == route.allows
                    && next.verification == route.verification)
        });
        if is_stricter {
            return Some(PathRounding::More);
        }
        self.report.left_out(
            &route.name,
            format_args!(
                "the path {} is decided differently from the same path with a final slash, and accredit does not distinguish them, so it denies both",
                boundaries.join(", ")
            ),
            "write a rule for it",
        );
        self.deny(&format!("{}-itself", route.name), boundary, None);
        Some(PathRounding::Fewer)
    }

    fn route(&mut self, route: &PolicyRoute, region: &RequestRegion) {
        let applied = |formula: &Formula| match route.verification {
            TokenCheck::Applied => formula.clone(),
            TokenCheck::Skipped => formula.without_token(),
        };
        let mut conditions = Vec::new();
        for deny in &route.denies {
            let formula = applied(&deny.formula);
            let Ok(found) = alternatives(&formula, UnknownCounts::AsTrue) else {
                conditions.push(Formula::not(formula));
                continue;
            };
            for conjunction in found {
                match selected(&conjunction, region) {
                    Some(Common::Nothing) => {}
                    Some(Common::Region(denied)) => {
                        let ends = denied == *region;
                        self.deny(&deny.name, denied, route.comment.clone());
                        if ends {
                            return;
                        }
                    }
                    Some(Common::Inexpressible) | None => {
                        conditions.push(Formula::not(formula_of(&conjunction)));
                    }
                }
            }
        }
        let mut admissions = Vec::new();
        for allow in &route.allows {
            let formula = applied(&allow.formula);
            let formula = Formula::all(conditions.iter().cloned().chain([formula]));
            let Ok(found) = alternatives(&formula, UnknownCounts::AsFalse) else {
                self.report.left_out(
                    &allow.name,
                    "it has too many alternatives to be written as rules, so accredit denies these requests",
                    "write rules for it by hand",
                );
                continue;
            };
            for conjunction in found {
                self.admit(&allow.name, conjunction, region, route, &mut admissions);
            }
        }
        self.admissions(admissions, region, route);
    }

    /// Adds one alternative to those with the same region.
    fn admit(
        &self,
        name: &str,
        conjunction: Conjunction,
        region: &RequestRegion,
        route: &PolicyRoute,
        admissions: &mut Vec<RegionAdmission>,
    ) {
        let mut own = region.clone();
        let (mut selected_by, mut rest) = (Vec::new(), Vec::new());
        for demand in conjunction {
            let selects = (!demand.is_negated)
                .then(|| RequestRegion::of(&demand.atom, PathRounding::Fewer))
                .flatten()
                .map(|selected| own.common(&selected));
            match selects {
                Some(Common::Nothing) => return,
                Some(Common::Region(common)) => {
                    own = common;
                    selected_by.push(demand);
                }
                Some(Common::Inexpressible) | None => rest.push(demand),
            }
        }
        if conditions(std::slice::from_ref(&rest), route.verification).is_err() {
            let is_audience = |demand: &Demand| matches!(&demand.atom, Atom::Claim(test) if test.is_audience_of_one_shape());
            self.report.left_out(
                name,
                match rest.iter().any(is_audience) {
                    true => "in accredit the claim `aud` is always a list, so a condition on it as a text or as a list has no \
                             equivalent, and accredit denies these requests",
                    false => "a condition of it has no equivalent in accredit, so accredit denies these requests",
                },
                "write a rule for it by hand",
            );
            return;
        }
        let Some(rest) = within(rest, &own) else {
            return;
        };
        match admissions.iter_mut().find(|other| other.region == own) {
            Some(other) => other.rests.push(rest),
            None => admissions.push(RegionAdmission {
                name: name.to_owned(),
                region: own,
                selected_by,
                rests: vec![rest],
            }),
        }
    }

    /// Writes the admissions as rules, and refuses the rest of the region.
    fn admissions(
        &mut self,
        mut admissions: Vec<RegionAdmission>,
        region: &RequestRegion,
        route: &PolicyRoute,
    ) {
        let is_open = |admission: &RegionAdmission| admission.rests.iter().any(Vec::is_empty);
        // Open rules and narrow rules come first.
        admissions.sort_by_key(|admission| (!is_open(admission), admission.region == *region));
        let mut written: Vec<RequestRegion> = Vec::new();
        for (number, admission) in admissions.iter().enumerate() {
            if written
                .iter()
                .any(|written| written.covers(&admission.region))
            {
                continue;
            }
            let later = admissions.get(number + 1..).unwrap_or_default();
            let mut all = admission.rests.clone();
            for other in later.iter().filter(|_| !is_open(admission)) {
                if other.region.is_disjoint(&admission.region) {
                    continue;
                }
                // The first rule that matches decides, so it has to admit what the later ones admit.
                let is_selected = other.region.covers(&admission.region);
                let selected_by = other.selected_by.iter().filter(|_| !is_selected);
                for rest in &other.rests {
                    let rest = selected_by.clone().chain(rest).cloned().collect();
                    all.extend(within(rest, &admission.region));
                }
            }
            let all = simplified(all);
            let found = conditions(&all, route.verification).or_else(|inexpressible| {
                self.report.left_out(
                    &admission.name,
                    "the alternatives for its requests do not fit into one expression, so accredit denies a part of them",
                    "write rules for them by hand",
                );
                admission
                    .rests
                    .first()
                    .map_or(Err(inexpressible), |rest| {
                        conditions(std::slice::from_ref(rest), route.verification)
                    })
            });
            if let Ok(conditions) = found {
                written.push(admission.region.clone());
                let plan = RulePlan {
                    name: self.unique(&admission.name),
                    comment: route.comment.clone(),
                    region: admission.region.clone(),
                    conditions,
                };
                self.plans.push(plan);
            }
        }
        if !written.iter().any(|written| written.covers(region)) {
            let name = match region.is_everything() {
                true => "everything-else".to_owned(),
                false => format!("{}-rest", route.name),
            };
            self.deny(&name, region.clone(), route.comment.clone());
        }
    }

    fn deny(&mut self, name: &str, region: RequestRegion, comment: Option<String>) {
        let plan = RulePlan {
            name: self.unique(name),
            comment,
            region,
            conditions: RuleConditions {
                access: PlannedAccess::Deny,
                ..RuleConditions::default()
            },
        };
        self.plans.push(plan);
    }

    /// A name that no other rule has, without what a rule name must not have.
    fn unique(&mut self, name: &str) -> String {
        let name: String = name
            .replace("${", "$")
            .chars()
            .filter(|c| !c.is_control())
            .take(30 * 3)
            .collect();
        let mut unique = name.clone();
        let mut number = 2;
        while unique.len() > 128 || !self.names.insert(unique.clone()) {
            let short: String = name.chars().take(30).collect();
            let stem = if name.len() > 100 { &short } else { &name };
            unique = format!("{stem}-{number}");
            number += 1;
        }
        unique
    }
}
