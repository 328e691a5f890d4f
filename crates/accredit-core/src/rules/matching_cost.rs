//! What the comparison of a request with all rules can cost. Only a warning depends on it.
//!
//! The estimate is an upper bound for a path of `PATH_BYTES`: no rule decides early, every list is read to its end, and each pattern
//! that searches a path reads all of it. It respects that a request has one host, and that its path has one beginning, so that rules for
//! different hosts and places do not add up. It takes time about linear in the size of the rules.

use std::rc::Rc;

use foldhash::HashMap;

use crate::rules::host::{Host, HostPattern};
use crate::rules::matcher::Matcher;
use crate::rules::matching_budget::MAX_STEPS;
use crate::rules::rule::Rule;

/// The length of the path. Many clients and servers refuse a longer one.
pub(crate) const PATH_BYTES: usize = 8 * 1024;

/// The most steps of a search that reads the whole path.
const SEARCH_STEPS: usize = PATH_BYTES / 4;

/// The steps of a request that costs most.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MatchingCost {
    pub(crate) steps: usize,
    /// The steps that each rule can cost, for a request that need not be that one.
    pub(crate) of_rules: Vec<usize>,
}

/// Steps that are spent for the paths with one beginning.
#[derive(Clone)]
struct PrefixCost {
    prefix: Rc<str>,
    steps: usize,
}

/// The costs of the requests for each host.
#[derive(Default)]
struct HostCosts<'a> {
    any: Vec<PrefixCost>,
    exact: HashMap<&'a Host, Vec<PrefixCost>>,
    /// By the text after the `*`.
    suffixes: HashMap<&'a str, Vec<PrefixCost>>,
}

impl MatchingCost {
    /// The cost of these rules, which are in their order.
    pub(crate) fn of(rules: &[&Rule]) -> MatchingCost {
        let mut costs = HostCosts::default();
        let mut of_rules = Vec::with_capacity(rules.len());
        for section in rules.chunk_by(|one, other| one.shares_bounds(other)) {
            let bounds = section.first().and_then(|rule| rule.bounds.as_deref());
            if let Some(bounds) = bounds {
                costs.add(bounds, None, None);
            }
            let hosts = bounds.and_then(|bounds| bounds.hosts.as_deref());
            for rule in section {
                let own = rule.matcher.hosts.as_deref();
                of_rules.push(costs.add(&rule.matcher, hosts, own.or(hosts)));
            }
        }
        MatchingCost {
            steps: costs.most(),
            of_rules,
        }
    }

    /// Whether a check cannot make that many steps.
    pub(crate) fn exceeds_check(&self) -> bool {
        self.steps > MAX_STEPS
    }
}

impl<'a> HostCosts<'a> {
    /// Adds the cost of a matcher, and returns the most steps that it can cost. Its lists are compared for requests to `reaching`, its
    /// paths for those to `matching`; `None` is every host.
    fn add(
        &mut self,
        matcher: &'a Matcher,
        reaching: Option<&'a [HostPattern]>,
        matching: Option<&'a [HostPattern]>,
    ) -> usize {
        let paths = matcher.paths.as_deref().unwrap_or_default();
        // The steps after the first segment, by the first segment. `None` is a wildcard.
        let mut by_first: HashMap<Option<&str>, usize> = HashMap::default();
        for path in paths {
            *by_first.entry(path.first_literal()).or_default() += path.fixed_steps();
        }
        // The table has an index of first segments: without a wildcard, other rules are not compared.
        let is_indexed = !paths.is_empty() && !by_first.contains_key(&None);
        let lists = 2 + list_steps(matcher);
        let first_segments = paths.len() + paths.len() / 2;
        let at_firsts = |more: usize| {
            let firsts = by_first.iter();
            let firsts =
                firsts.filter_map(|(first, steps)| Some((format!("/{}/", (*first)?), *steps)));
            firsts.map(move |(prefix, steps)| PrefixCost {
                prefix: prefix.into(),
                steps: steps + more,
            })
        };
        let at_root = |steps: usize| PrefixCost {
            prefix: "/".into(),
            steps,
        };
        let (reached, compared): (Vec<_>, Vec<_>) = if is_indexed {
            let reached = at_firsts(0).map(|cost| PrefixCost {
                steps: lists,
                ..cost
            });
            (reached.collect(), at_firsts(first_segments).collect())
        } else {
            let of_wildcards = by_first.get(&None).copied().unwrap_or_default();
            let compared = at_firsts(0).chain([at_root(first_segments + of_wildcards)]);
            (vec![at_root(lists)], compared.collect())
        };
        self.put(&reached, reaching);
        self.put(&compared, matching);
        let searched = paths.iter().filter_map(|path| path.searched_prefix());
        let searched: Vec<_> = searched
            .map(|prefix| PrefixCost {
                prefix: prefix.into(),
                steps: SEARCH_STEPS,
            })
            .collect();
        self.put(&searched, matching);
        lists + first_segments + by_first.values().sum::<usize>() + SEARCH_STEPS * searched.len()
    }

    fn put(&mut self, costs: &[PrefixCost], hosts: Option<&'a [HostPattern]>) {
        // With many hosts and many paths, the cost counts for every host, so that this takes no more than linear time.
        let hosts = hosts.filter(|hosts| {
            let count = hosts.len() + costs.len();
            hosts.len().saturating_mul(costs.len()) <= 4 * count + 64
        });
        let Some(hosts) = hosts else {
            self.any.extend_from_slice(costs);
            return;
        };
        for host in hosts {
            let of_host = match host {
                HostPattern::Exact(host) => self.exact.entry(host).or_default(),
                HostPattern::Suffix(suffix) => self.suffixes.entry(suffix).or_default(),
            };
            of_host.extend_from_slice(costs);
        }
    }

    /// The steps of the request that costs most.
    fn most(self) -> usize {
        let any = most_of_chain(self.any);
        let suffixes: HashMap<&str, usize> = self
            .suffixes
            .into_iter()
            .map(|(suffix, costs)| (suffix, most_of_chain(costs)))
            .collect();
        let of_suffixes = |name: &str| -> usize {
            let ends = name.match_indices('.').filter_map(|(at, _)| name.get(at..));
            ends.filter_map(|end| suffixes.get(end)).sum()
        };
        let of_exact = self.exact.into_iter().map(|(host, costs)| {
            most_of_chain(costs)
                + match host {
                    Host::Name(name) => of_suffixes(name),
                    Host::Address(_) => 0,
                }
        });
        let of_hosts = of_exact.chain(suffixes.keys().map(|suffix| of_suffixes(suffix)));
        any + of_hosts.max().unwrap_or_default()
    }
}

/// The steps for the lists of a matcher, paths not included.
fn list_steps(matcher: &Matcher) -> usize {
    let length = |length: Option<usize>| length.unwrap_or_default() / 2;
    let context = matcher.context.iter();
    length(matcher.methods.as_ref().map(Vec::len))
        + length(matcher.hosts.as_ref().map(Vec::len))
        + length(matcher.principals.as_ref().map(Vec::len))
        + length(matcher.addresses.as_ref().map(Vec::len))
        + context
            .map(|entry| 1 + entry.values.len() / 2)
            .sum::<usize>()
}

/// The most steps of one path: a path that begins with a text begins with each beginning of that text, too.
fn most_of_chain(mut costs: Vec<PrefixCost>) -> usize {
    costs.sort_by(|one, other| one.prefix.cmp(&other.prefix));
    let mut chain: Vec<(&str, usize)> = Vec::new();
    let mut most = 0;
    for cost in &costs {
        while chain
            .last()
            .is_some_and(|(prefix, _)| !cost.prefix.starts_with(prefix))
        {
            chain.pop();
        }
        let steps = chain.last().map_or(0, |(_, steps)| *steps) + cost.steps;
        most = most.max(steps);
        chain.push((&cost.prefix, steps));
    }
    most
}
