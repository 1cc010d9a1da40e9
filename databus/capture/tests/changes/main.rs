//! Mappings, and the changes that rows of mapped tables make.

mod choices;
mod mappings;
mod random_site;
mod row_changes;
mod site_model;
mod transactions;
