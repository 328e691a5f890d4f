//! `accredit import`: configurations of other tools, as a configuration of accredit.
//!
//! Each origin has a reader. All readers make one `policy`: who is admitted, as formulas over the request and the
//! token. `rules` and `issuers` turn it into what accredit can express, and `write` prints that.
//! What cannot be expressed counts as not fulfilled, in either polarity, so the result never admits more than the original.

pub mod addresses;
pub mod claims;
pub mod conditions;
pub mod conjunctions;
pub mod envoy;
pub mod envoy_gateway;
pub mod escapes;
pub mod expressions;
pub mod formula;
pub mod input;
pub mod issuers;
pub mod istio;
pub mod known_issuers;
pub mod kubernetes;
pub mod members;
pub mod overlap;
pub mod paths;
pub mod policy;
pub mod region;
pub mod report;
pub mod route_regions;
pub mod rules;
pub mod run;
pub mod setting_lines;
pub mod settle;
pub mod text_test;
pub mod verify;
pub mod write;
pub mod yaml_lines;
