//! The databus: change events and the ordered, durable log that carries them.
//!
//! A source (the site's core database, or whoever publishes) commits **windows** of **changes**; each change states what
//! is true from then on. The log gives every window a place, its **SCN**, and answers once the window is durable; whoever
//! follows the log (graph, profiles, search, replicas) applies windows in that order and ends in the same state.
//!
//! ```text
//! parts of windows ─> WindowAssembler ─> CheckedWindow ─> Pipeline ─┐
//!                                                                   ├─> writer ─> segment files
//!                                                        Window ────┘     │ one sync for a whole group
//!                                                                         v
//!                                          LogReader <── durable head (SCN), sources' offsets
//! ```
//!
//! ```
//! use cloud_model::Scn;
//! use cloud_proto::databus::v1::{Change, ConnectionAdded, change::Event};
//! use databus::{Log, LogOptions, Window};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let graph = "9f86d081884c7d659a2feaa0c55ad015".parse()?;
//! let log = Log::open(folder, graph, LogOptions::default())?;
//!
//! // Members 7 and 9 connect; the core database committed it at offset 4711.
//! let event = Event::ConnectionAdded(ConnectionAdded { member_id: 7, other_id: 9, connected_at: None });
//! let changes = vec![Change { event: Some(event) }];
//! let window = Window { source_id: "core".into(), source_offset: 4711, commit_time: None, changes };
//! let appended = log.append_blocking(window.clone())?;
//! assert_eq!((appended.scn, appended.repeat), (Scn::new(1), false));
//!
//! // The source was not sure that we got it, and sends it again: nothing is written.
//! assert!(log.append_blocking(window.clone())?.repeat);
//!
//! // A follower that has applied nothing reads from the beginning.
//! let mut reader = log.read_after(Scn::BEGINNING)?;
//! assert_eq!(reader.next_window()?.map(|logged| Window::from(logged.window)), Some(window));
//! assert!(reader.next_window()?.is_none(), "the durable head");
//! # Ok(())
//! # }
//! ```
//!
//! Any number of followers on other machines: [`relay`] owns a log and serves it; what a server of a log is made of stands in
//! [`rpc`]. [`dump`] prints and checks the files of a log that another process may own.
//!
//! What holds, whatever happens: a window is answered, visible to readers, and counted in the head only once it is
//! durable. After a crash the log is a prefix of what was sent, with everything that was answered. What was damaged since
//! is refused, with file and offset. A full disk or a failed sync refuses appends, not reads, and appends go on when
//! there is room. The formats, and why that is so, stand in `log/frame.rs` and `log/segment_header.rs`.

pub mod disk;
pub mod dump;
pub mod limits;
pub mod relay;
pub mod rpc;

mod checked_window;
mod log;
mod window;
mod window_assembler;

pub use checked_window::{CheckedWindow, InvalidWindow, WindowLimits};
pub use log::{
    AppendError, Appended, Dropped, KeptFor, Log, LogFiles, LogOptions, LogReader, LogStatus,
    OpenError, Pipeline, ReadError, RetainError, Retention, Verified, verify,
};
pub use window::{LoggedWindow, Window};
pub use window_assembler::{InvalidPart, WindowAssembler};
