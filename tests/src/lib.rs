//! End-to-end and fault tests against the real binaries.
