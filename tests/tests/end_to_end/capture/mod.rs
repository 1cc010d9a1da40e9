//! Capture from PostgreSQL: what is in the site equals what is in the database.

mod faults;
mod one_process;
mod several_databases;
mod site;
mod stream;
mod writer;
