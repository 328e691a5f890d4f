//! The decision: the pipeline, every denial, the answer, and the steps of the explanation.

pub mod answer;
pub mod authorizer;
pub mod challenge;
pub mod condition_input;
pub mod denial;
pub mod denial_context;
pub mod explanation;
pub mod filtered_requests;
pub mod pending_admission;
pub mod record;
pub mod refusal_settings;
pub mod resource_metadata;
pub mod step;
pub mod typed_metadata;
