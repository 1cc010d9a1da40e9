//! Metrics: what a server counts, and the page of it that Prometheus scrapes.
//!
//! The page is text of our own. The histograms of `prometheus-client` take a mutex for each call that they count, and
//! its pages name the kinds of counters otherwise than ours do and end with a line that scrapers of this format refuse.

mod calls;
mod histogram;
mod text;

pub use calls::Calls;
pub(crate) use calls::InFlight;
pub use histogram::Histogram;
pub use text::Page;
