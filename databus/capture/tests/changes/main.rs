//! Mappings, and the changes that rows of mapped tables make.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod choices;
mod mappings;
mod random_site;
mod refused_rows;
mod row_changes;
mod site_model;
mod transactions;
