//! Reads windows in order.
use crate::{log::ReadError, window::LoggedWindow};
use cloud_proto::databus::v1::WindowPart;

/// Windows in order, up to the durable head.
#[derive(Debug)]
pub struct LogReader(());

impl LogReader {
    /// The next part; `None` at the durable head: ask again when `head_watch` tells of a new one.
    pub fn next_part(&mut self) -> Result<Option<WindowPart>, ReadError> { Ok(None) }
    /// The next whole window; `None` at the durable head.
    pub fn next_window(&mut self) -> Result<Option<LoggedWindow>, ReadError> { Ok(None) }
}
