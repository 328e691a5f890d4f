//! What fuzzing checks: properties of the code that reads what clients, issuers, proxies and operators send.
//!
//! Each target is a module with `check`, which panics if an input breaks the property and otherwise says whether the input was
//! accepted, and `seeds`, the first inputs. An input that broke a property once becomes a seed. `fuzz_targets/` runs `check` on
//! the inputs of libFuzzer. The project's tests compile these files too, and run it on the seeds and on mutations of them.

#![forbid(unsafe_code)]

pub mod answer_oracle;
pub mod asked;
pub mod base64_oracle;
pub mod careless_reader;
pub mod choices;
pub mod claims;
pub mod claims_oracle;
pub mod configuration;
pub mod decision;
pub mod expressions;
pub mod json;
pub mod json_oracle;
pub mod jws;
pub mod key_set;
pub mod message;
pub mod minted;
pub mod minter;
pub mod path_oracle;
pub mod paths;
pub mod reduced_message;
pub mod seed_folder;
pub mod service;
pub mod sources;
