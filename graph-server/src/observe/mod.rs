//! What an operator sees of the server: metrics, pages, health, the line of a slow request.

pub(crate) mod facts;
pub(crate) mod health;
pub(crate) mod http_pages;
pub(crate) mod memory;
pub(crate) mod metrics;
pub(crate) mod observe_layer;
pub(crate) mod resident;
