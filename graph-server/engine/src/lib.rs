//! The graph engine: a compressed sparse row base, an overlay of later changes, views and traversals.
