//! An empty library: the crate consists of its model checks in `tests/`.
