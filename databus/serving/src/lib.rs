//! What every server is made of, log or no log: connections, deadlines, refusals, health, and the process around them.
//!
//! | noun | file | what |
//! |---|---|---|
//! | listener, transport | a file each | connections, with every limit of hyper and h2 stated |
//! | listeners | `listeners.rs` | the two of every server, and the layers before its services |
//! | observe, metrics | a file, a folder | counted calls, the line of a slow one, the page of metrics |
//! | pages | `pages.rs` | `/metrics`, `/livez`, `/readyz` |
//! | deadline, in flight, tonic errors | a file each | what every request goes through |
//! | refusal | `refusal.rs` | why a request is not answered, and how that looks on the wire |
//! | health, routes | a file each | what stands on every listener |
//! | process | `process.rs` | the log on stderr, an end by signal |
//! | folder lock | `folder_lock.rs` | one process at a time on a folder |
//! | limits, quantity | a file each | every limit of the wire; sizes and times as text |
//!
//! The crate knows no log, no graph and no call of its own.

mod deadline;
mod folder_lock;
mod health;
mod in_flight;
pub mod limits;
mod listener;
mod listeners;
pub mod metrics;
mod observe;
mod outgoing;
mod pages;
pub mod process;
pub mod quantity;
mod refusal;
mod routes;
mod tonic_errors;
mod transport;

pub use deadline::{Deadline, DeadlineLayer, DeadlineService};
pub use folder_lock::{FolderLock, LockError};
pub use health::Health;
pub use in_flight::{InFlightLayer, InFlightService};
pub use limits::ServingLimits;
pub use listener::{ListenError, Listener};
pub use listeners::{BoundListeners, ListenerPanicked, Listeners, Services};
pub use observe::{ObserveLayer, ObserveService, Observed, SlowCall};
pub use pages::pages;
pub use refusal::Refusal;
pub use routes::with_health;
pub use tonic_errors::{Detailed, TonicErrorsLayer, TonicErrorsService, refusal_of_tonic};
pub use transport::{Protocols, serve};
