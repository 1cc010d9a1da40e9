//! Reads the workspace's own source, for tests of its arrows and its prose. Compiles in seconds.
//!
//! - [`workspace`] lists the crates, their files, and which crates each may use;
//! - [`tokens`] splits a Rust file into tokens and comments;
//! - [`imports`] finds which file of a crate imports from which, and the circles among them;
//! - [`prose`] counts the places in which prose breaks the rules of writing.

pub mod imports;
pub mod prose;
pub mod tokens;
pub mod workspace;
