//! Regular expressions whose search is bounded: they are compiled when the configuration is read, and a search costs a
//! few steps per byte however hostile the text is.
//!
//! A lazily built DFA does this: it takes one transition per byte, and the states that it builds on the way are charged to
//! the budget. Other engines take time proportional to the product of pattern and text.

use std::sync::atomic::{AtomicU64, Ordering};

use regex_automata::Input;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;

use crate::expression::budget::EvaluationBudget;
use crate::expression::failure::EvaluationFailure;
use crate::expression::{re2_syntax, search_caches};

/// The most bytes of states that one search keeps.
const CACHE_BYTES: usize = 64 * 1024;

/// The most bytes of a compiled pattern.
const PROGRAM_BYTES: usize = 256 * 1024;

pub struct BoundedRegex {
    dfa: DFA,
    /// Differs from that of every other regular expression of the process.
    id: u64,
}

/// Why a pattern is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum RegexError {
    /// It is none in RE2, is not permitted, or is too large by itself.
    Pattern(String),
    /// The compiled pattern is larger than the bytes that are left.
    NothingLeft,
}

impl BoundedRegex {
    /// Compiles a pattern to at most this many bytes. Compiling stops as soon as it needs more.
    ///
    /// # Errors
    /// [`RegexError`]
    pub fn within(bytes: usize, pattern: &str) -> Result<BoundedRegex, RegexError> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let syntax = re2_syntax::parse(pattern).map_err(RegexError::Pattern)?;
        let Some(limit) = bytes.checked_sub(size_of::<BoundedRegex>()) else {
            return Err(RegexError::NothingLeft);
        };
        let limit = limit.min(PROGRAM_BYTES);
        let config = DFA::config()
            .cache_capacity(CACHE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0));
        let nfa_config = thompson::Config::new()
            .nfa_size_limit(Some(limit))
            .which_captures(thompson::WhichCaptures::None);
        let nfa = thompson::Compiler::new()
            .configure(nfa_config)
            .build_from_hir(&syntax)
            .map_err(|error| match error.size_limit() {
                Some(_) if limit < PROGRAM_BYTES => RegexError::NothingLeft,
                _ => RegexError::Pattern(describe(&error)),
            })?;
        let dfa = DFA::builder()
            .configure(config)
            .build_from_nfa(nfa)
            .map_err(|error| RegexError::Pattern(describe(&error)))?;
        Ok(BoundedRegex {
            dfa,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// The memory of the compiled pattern.
    pub fn bytes(&self) -> usize {
        size_of::<BoundedRegex>() + self.dfa.get_nfa().memory_usage()
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
        let mut cache = search_caches::take(self.id, &self.dfa);
        let found = self.search(&mut cache, text, budget);
        search_caches::keep(self.id, cache);
        found
    }

    fn search(
        &self,
        cache: &mut Cache,
        text: &str,
        budget: &mut EvaluationBudget,
    ) -> Result<bool, EvaluationFailure> {
        // The states of earlier searches may have filled the cache; then the search starts again without them.
        for _ in 0..2 {
            let before = cache.memory_usage();
            let input = Input::new(text).earliest(true);
            let found = self.dfa.try_search_fwd(cache, &input);
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
