//! The metrics that a server counts, and the page of them that Prometheus scrapes.
//!
//! The page is written here, without the crate `prometheus-client`. Nearly all values are read when
//! the page is requested. To pass them on, that crate's `Collector` needs as many lines as it would
//! save in `text.rs`. Its pages are OpenMetrics, which names the types of counters in another way
//! and ends with a line of its own.
//!
//! Imports from no other folder of the crate.

mod calls;
mod histogram;
mod text;

pub use calls::Calls;
pub(crate) use calls::InFlight;
pub use histogram::Histogram;
pub use text::Page;
