//! Changes since the base: the chains of entries, the version that joins them with the base, its
//! one writer, and the fold into a new base.
//!
//! Imports from `files`, `memory`, `base`, and the graph at the top of the crate.

pub(crate) mod chains;
pub(crate) mod change;
pub(crate) mod current;
pub(crate) mod fold;
pub(crate) mod new_members;
pub(crate) mod overlay_file;
pub(crate) mod policy_at;
pub(crate) mod recovery;
pub(crate) mod since_base;
pub(crate) mod summary;
pub(crate) mod version;
pub(crate) mod writer;
