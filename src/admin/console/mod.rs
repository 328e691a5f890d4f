//! The console: a web page that shows what the admin API tells, for those who would rather look.

pub mod assets;
pub mod explain_form;
pub mod explained;
pub mod guard;
pub mod history;
pub mod html;
pub mod issuers;
pub mod live;
pub mod page;
pub mod routes;
pub mod secrets;
pub mod sources;
pub mod tail;
pub mod tail_form;
