//! Stderr: the messages of commands, and the log of a server. And the line that a server prints.
//!
//! A message of a command waits until its reader has read the ones before. The log of a server does
//! not wait for long: a reader that has stopped reading must not stop the server. Its lines are
//! lost then, and counted.

use crate::{visible, visible_in_line};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::{AsFd, BorrowedFd},
    io::Errno,
};
use std::{
    fmt,
    io::{self, IsTerminal as _, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The time for which a line of a log waits until stderr can be written.
const WAIT_MAX: Duration = Duration::from_millis(200);

/// The bytes that a pipe takes without blocking once it can be written (`PIPE_BUF`).
const CHUNK_BYTES: usize = 4_096;

/// The state of the log's lines.
#[derive(Debug, Default)]
struct Lines {
    lost: u64,
    /// Whether the last line was lost. The next one does not wait.
    is_stuck: bool,
}

static LINES: Mutex<Lines> = Mutex::new(Lines {
    lost: 0,
    is_stuck: false,
});

/// The stderr of a server. Each write takes one line, whose control characters become visible. It
/// never fails: a line that cannot be written is counted as lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = match text.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (&*text, ""),
        };
        // A line end within a line would pass for the end of the line.
        let shown = visible_in_line(text) + end;
        // One line at a time, so that lines do not mix.
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.write(rustix::stdio::stderr(), shown.as_bytes());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn write(&mut self, out: BorrowedFd<'_>, line: &[u8]) {
        let wait = if self.is_stuck {
            Duration::ZERO
        } else {
            WAIT_MAX
        };
        self.is_stuck = !write_within(out, line, Some(wait));
        self.lost += u64::from(self.is_stuck);
    }
}

/// Prints a line of a server to stdout, and returns whether that succeeded. Like a line of its log,
/// it never waits for long.
#[must_use]
pub fn announce(line: impl fmt::Display) -> bool {
    let line = format!("{line}\n");
    write_within(rustix::stdio::stdout(), line.as_bytes(), Some(WAIT_MAX))
}

/// Writes a message of a command to stderr, with a line end and with control characters visible.
/// Errors are ignored.
pub fn note(message: impl fmt::Display) {
    note_raw(&visible(&message.to_string()));
}

/// Writes a message of this program, which may have colours.
pub(crate) fn note_raw(message: &str) {
    let line = format!("{message}\n");
    write_within(rustix::stdio::stderr(), line.as_bytes(), None);
}

/// Returns the number of log lines that were lost since the last [`take_lost_lines`].
#[must_use]
pub fn lost_lines() -> u64 {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).lost
}

/// Returns the number of log lines that were lost, and begins to count again.
#[must_use]
pub fn take_lost_lines() -> u64 {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut lines.lost)
}

/// Returns whether stderr is a terminal.
#[must_use]
pub fn stderr_is_terminal() -> bool {
    rustix::stdio::stderr().is_terminal()
}

/// Writes all bytes, and returns whether that succeeded. Waits for `wait` at most, in all.
fn write_within(out: BorrowedFd<'_>, bytes: &[u8], wait: Option<Duration>) -> bool {
    let begun = Instant::now();
    bytes.chunks(CHUNK_BYTES).all(|chunk| {
        let mut rest = chunk;
        while !rest.is_empty() {
            let left = wait.map(|wait| wait.saturating_sub(begun.elapsed()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let mut polled = [PollFd::from_borrowed_fd(out.as_fd(), PollFlags::OUT)];
            match poll(&mut polled, left.as_ref()) {
                Ok(0) => return false,
                Ok(_) => {}
                // A signal has ended the wait, and nothing is known of the descriptor.
                Err(Errno::INTR) => continue,
                Err(_) => return false,
            }
            match rustix::io::write(out, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return false,
            }
        }
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{PipeFlags, pipe_with};
    use std::fs::File;

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let mut lines = Lines::default();
        let full = File::options().write(true).open("/dev/full").unwrap();
        lines.write(full.as_fd(), b"a\n");
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        lines.write(writer.as_fd(), b"b\n");
        assert_eq!((lines.lost, lines.is_stuck), (1, false));
        drop(reader);
        lines.write(writer.as_fd(), b"c\n");
        assert_eq!((lines.lost, lines.is_stuck), (2, true));
    }

    #[test]
    fn a_reader_that_does_not_read_stops_no_one() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let mut lines = Lines::default();
        let line = [b'x'; 10_000];
        for _ in 0..20 {
            lines.write(writer.as_fd(), &line);
        }
        assert!(lines.lost > 10 && lines.is_stuck, "{lines:?}");
        // A reader that reads again gets the next lines.
        let mut buffer = vec![0; 1 << 20];
        rustix::io::read(&reader, &mut buffer).unwrap();
        let lost = lines.lost;
        lines.write(writer.as_fd(), &line);
        assert_eq!((lines.lost, lines.is_stuck), (lost, false));
    }
}
