//! The console: a web page on `admin_listen` with the information of the admin API.

pub mod assets;
pub mod chosen;
pub mod document;
pub mod explain;
pub mod guard;
pub mod guide_pages;
pub mod history;
pub mod issuers;
pub mod live;
pub mod overview;
pub mod reason_class;
pub mod routes;
pub mod rules;
pub mod sources;
pub mod tail;
pub mod tail_table;
