//! Arrays: in a file's map or in memory, growing ones, and prefetching from them.
//!
//! Imports from no other folder of the crate.

pub(crate) mod large_array;
pub(crate) mod read_ahead;
pub(crate) mod shared_array;
pub(crate) mod tiers;
