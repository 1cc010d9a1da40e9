//! Tests of the engine against slow and obvious models of itself. They are one binary, so that it
//! is linked once.

#![expect(
    clippy::disallowed_macros,
    reason = "tests print their seeds and figures"
)]
#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says why and fails"
)]

mod files;
mod folding;
mod histories;
mod hubs;
mod interop;
mod lists;
mod long_histories;
mod model;
mod overlays;
mod policy;
mod questions;
mod readers;
mod scenarios;
mod shapes;
mod sides;
