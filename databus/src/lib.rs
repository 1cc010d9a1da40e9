//! The databus: change events and the ordered, durable log that carries them.
//!
//! A source, such as the site's core database, commits **windows** of **changes**. Each change
//! states what is true from then on. The log gives every window a place, its **SCN**, and
//! acknowledges the window once it is durable. Followers of the log (graph, profiles, search,
//! replicas) apply the windows in that order, and end in the same state.
//!
//! ```text
//! parts of windows ─> WindowAssembler ─> CheckedWindow ─> Pipeline ─┐
//!                                                                   ├─> writer ─> segment files
//!                                                        Window ────┘     │ one sync for a group
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
//! let event = Event::ConnectionAdded(ConnectionAdded {
//!     member_id: 7,
//!     other_id: 9,
//!     connected_at: None,
//!     existing_only: false,
//! });
//! let changes = vec![Change { event: Some(event), skippable: false }];
//! let window = Window {
//!     source_id: "core".into(),
//!     source_offset: 4711,
//!     commit_time: None,
//!     changes,
//! };
//! let appended = log.append_blocking(window.clone())?;
//! assert_eq!((appended.scn, appended.repeat), (Scn::new(1), false));
//!
//! // The source did not get the answer, and sends the window again: nothing is written.
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
//! For followers on other machines, [`relay`] owns a log and serves it. The parts of such a server
//! are in [`rpc`]. [`dump`] prints and checks the files of a log that another process may own, and
//! [`backup`] copies them.
//!
//! The log guarantees:
//!
//! - A window is acknowledged, visible to readers, and counted in the head only once it is durable.
//! - After a crash the log is a prefix of what was sent, with every window that was acknowledged.
//! - Data that was damaged later is rejected, with file and offset.
//! - A full disk or a failed sync rejects appends, but not reads. Appends succeed again once there
//!   is room.
//!
//! The formats, and the reasons why the guarantees hold, are in `log/frame.rs` and
//! `log/segment_header.rs`.

pub mod backup;
pub mod disk;
pub mod dump;
pub mod limits;
pub mod relay;
pub mod rpc;

mod checked_window;
mod histories;
mod history;
mod log;
mod window;
mod window_assembler;

pub use checked_window::{CheckedWindow, InvalidWindow, WindowLimits};
pub use histories::Histories;
pub use history::{BrokenChain, Chain};
pub use log::{
    AppendError, Appended, Copied, Dropped, KeptFor, Log, LogBegin, LogFiles, LogOptions,
    LogReader, LogStatus, OpenError, Pipeline, ReadError, RetainError, Retention, Verified,
    random_log_id, verify,
};
pub use window::{LoggedWindow, Window};
pub use window_assembler::{InvalidPart, WindowAssembler};
