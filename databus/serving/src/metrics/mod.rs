//! The metrics that a server counts, and the page of them that Prometheus scrapes.
//!
//! The page is written here, without the crate `prometheus-client`. Its histogram takes a mutex for
//! each time that it records. Its pages are OpenMetrics, which names the types of counters in
//! another way and ends with a line of its own.
//!
//! Imports from no other folder of the crate.

mod calls;
mod histogram;
mod text;

pub use calls::Calls;
pub(crate) use calls::InFlight;
pub use histogram::Histogram;
pub use text::Page;
