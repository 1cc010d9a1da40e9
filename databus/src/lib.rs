//! The databus: change events and the ordered, durable log that carries them.

pub mod limits;

mod checked_window;
mod log;
mod validation;
mod window;
mod window_assembler;

pub use checked_window::{CheckedWindow, InvalidWindow, WindowLimits};
pub use log::{
    AppendError, Appended, Log, LogOptions, LogReader, LogStatus, NotHexadecimal, OpenError, Origin, ReadError,
};
pub use validation::{InvalidChange, validate_change};
pub use window::{LoggedWindow, SourceMark, Window};
pub use window_assembler::{InvalidPart, WindowAssembler};
