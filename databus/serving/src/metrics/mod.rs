//! Metrics: what a server counts, and the page of it that Prometheus scrapes.
//!
//! The page is text of our own, and not that of `prometheus-client`. Its histogram takes a mutex
//! for each time that it records. Its pages are OpenMetrics, which names counters otherwise in
//! their types and ends with a line of its own.
//!
//! Imports from no other folder of the crate.

mod calls;
mod histogram;
mod text;

pub use calls::Calls;
pub(crate) use calls::InFlight;
pub use histogram::Histogram;
pub use text::Page;
