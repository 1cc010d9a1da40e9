//! Capture from PostgreSQL: what is in the site equals what is in the database.

mod colliding_keys;
mod dead_letters;
mod encryption;
mod faults;
mod full_disk;
mod load;
mod network;
mod one_process;
mod partitions;
mod password;
mod promotion;
mod reconcile;
mod restore;
mod row_security;
mod schemas;
mod several_databases;
mod site;
mod stream;
mod versions;
mod writer;
