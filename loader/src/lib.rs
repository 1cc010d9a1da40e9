//! The loader: builds snapshots from database dumps, and makes synthetic dumps.
//!
//! `loader build` reads a site's `members.csv`, `positions.csv` and `connections.csv` and writes the snapshot directory
//! that a graph server starts from. `loader generate` writes such files for a site that does not exist, of any size and
//! of the shape that real ones have. Both are functions here too, so that tests and benches call them without a process.

pub mod build;
pub mod generate;
pub mod inspect;
