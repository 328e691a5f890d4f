//! Regular expressions whose search is bounded: they are compiled when the configuration is read, and a search costs a
//! few steps per byte however hostile the text is.
//!
//! A lazily built DFA does this: it takes one transition per byte, and the states that it builds on the way are charged to
//! the budget. Other engines take time proportional to the product of pattern and text.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use regex_automata::Input;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::pool::Pool;

use crate::expression::budget::EvaluationBudget;
use crate::expression::failure::EvaluationFailure;
use crate::expression::re2_syntax;

/// The most bytes of states that one search keeps.
const CACHE_BYTES: usize = 64 * 1024;

/// The most bytes of a compiled pattern.
const PROGRAM_BYTES: usize = 256 * 1024;

type NewCache = Box<dyn Fn() -> Cache + Send + Sync + UnwindSafe + RefUnwindSafe>;

pub struct BoundedRegex {
    dfa: Arc<DFA>,
    caches: Pool<Cache, NewCache>,
}

impl BoundedRegex {
    /// # Errors
    /// The text of the error of a pattern that is none, or that is too large.
    pub fn new(pattern: &str) -> Result<BoundedRegex, String> {
        let config = DFA::config()
            .cache_capacity(CACHE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0));
        let nfa_config = thompson::Config::new()
            .nfa_size_limit(Some(PROGRAM_BYTES))
            .which_captures(thompson::WhichCaptures::None);
        let nfa = thompson::Compiler::new()
            .configure(nfa_config)
            .build_from_hir(&re2_syntax::parse(pattern)?)
            .map_err(|error| describe(&error))?;
        let dfa = DFA::builder()
            .configure(config)
            .build_from_nfa(nfa)
            .map_err(|error| describe(&error))?;
        let dfa = Arc::new(dfa);
        let shared = Arc::clone(&dfa);
        let new_cache: NewCache = Box::new(move || shared.create_cache());
        Ok(BoundedRegex {
            dfa,
            caches: Pool::new(new_cache),
        })
    }

    /// Whether the pattern matches a part of the text.
    ///
    /// # Errors
    /// [`EvaluationFailure::BudgetExceeded`], also if the text needs more states than a search keeps.
    pub fn is_match(
        &self,
        text: &str,
        budget: &mut EvaluationBudget,
    ) -> Result<bool, EvaluationFailure> {
        budget.spend(4 + text.len() / 16)?;
        let mut cache = self.caches.get();
        // The states of earlier searches may have filled the cache; then the search starts again without them.
        for _ in 0..2 {
            let before = cache.memory_usage();
            let input = Input::new(text).earliest(true);
            let found = self.dfa.try_search_fwd(&mut cache, &input);
            budget.spend(cache.memory_usage().saturating_sub(before) / 4)?;
            match found {
                Ok(found) => return Ok(found.is_some()),
                Err(error) if is_full(&error) => cache.reset(&self.dfa),
                Err(_) => return Err(EvaluationFailure::Value("a search failed")),
            }
        }
        budget.spend(usize::MAX)?;
        Err(EvaluationFailure::BudgetExceeded)
    }
}

impl std::fmt::Debug for BoundedRegex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoundedRegex(..)")
    }
}

fn is_full(error: &regex_automata::MatchError) -> bool {
    matches!(error.kind(), regex_automata::MatchErrorKind::GaveUp { .. })
}

/// The innermost cause: the outer ones only say that building failed.
fn describe(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => describe(source),
        None => error.to_string(),
    }
}
