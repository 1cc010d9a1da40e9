//! The loader: builds snapshots from database dumps, and makes synthetic dumps.
