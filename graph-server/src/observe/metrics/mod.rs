//! What the server counts, and the page of it that Prometheus scrapes.

pub(crate) mod calls;
mod histogram;
mod page;
mod text;

pub(crate) use calls::{Calls, InFlight};
pub(crate) use page::page;
