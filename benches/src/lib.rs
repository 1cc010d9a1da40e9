//! Benches, and the harness that measures at full scale and over gRPC.
//!
//! `make bench` runs the harness. It generates a synthetic site, builds its snapshot with the real
//! loader, and starts the real server. It then prints one figure for each performance target of the
//! project, beside the target. Subjects that are not built yet are named.
//!
//! `make bench-scale` does the same at full size, and `make bench-rivals` measures PostgreSQL and
//! Redis too. `cargo bench -p cloud-benches` runs the small benches of the engine, for changes to
//! it.

pub mod bare_sync;
pub mod binaries;
pub mod calls;
pub mod capacity;
pub mod channels;
pub mod closed_loop;
pub mod core_database;
pub mod cores;
pub mod data;
pub mod exam;
pub mod feed;
pub mod figures;
pub mod groups;
pub mod latencies;
pub mod loader_run;
pub mod memory;
pub mod nearest;
pub mod open_loop;
pub mod options;
pub mod outcome;
pub mod pages;
pub mod plain_search;
pub mod publisher;
pub mod publishing;
pub mod questions;
pub mod random_changes;
pub mod rivals;
pub mod rounds;
pub mod search_questions;
pub mod server;
pub mod setting;
pub mod site;
pub mod terms;
pub mod unit;
