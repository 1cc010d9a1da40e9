//! Stdout: the answers of commands.

use crate::visible;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fd::AsFd,
    io::Errno,
};
use std::{
    fmt,
    io::{self, IsTerminal as _, Write},
};

/// The stdout of the process, without a buffer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_to(rustix::stdio::stdout(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints text, or a JSON document, to stdout, with control characters visible. A reader that is
/// gone is no error.
///
/// # Errors
/// The system's error, which names stdout.
pub fn print(text: impl fmt::Display) -> io::Result<()> {
    print_raw(&visible(&text.to_string()))
}

/// Prints a text of this program, which may have colours.
pub(crate) fn print_raw(text: &str) -> io::Result<()> {
    unless_reader_is_gone(Stdout.write_all(text.as_bytes())).map_err(named)
}

/// Returns the number of columns of the terminal that stdout is; `None` if it is none.
#[must_use]
pub fn columns() -> Option<u16> {
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

/// Returns the outcome of writing to [`Stdout`], without the error of a reader that is gone.
///
/// # Errors
/// Any other error.
pub fn unless_reader_is_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Returns whether what is printed can still be read. A command that prints for a long time ends
/// once this is false.
#[must_use]
pub fn has_reader() -> bool {
    let mut polled = [PollFd::from_borrowed_fd(
        rustix::stdio::stdout(),
        PollFlags::empty(),
    )];
    let _ = poll(&mut polled, Some(&Timespec::default()));
    let [stdout] = polled;
    !stdout.revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

/// Returns whether stdout is a terminal.
#[must_use]
pub fn stdout_is_terminal() -> bool {
    rustix::stdio::stdout().is_terminal()
}

fn named(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("stdout: {error}"))
}

/// Writes bytes, and returns how many were written. Waits where another process has made the
/// descriptor non-blocking.
fn write_to(out: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match rustix::io::write(&out, bytes) {
            Err(Errno::AGAIN) => {
                let out = out.as_fd();
                poll(&mut [PollFd::from_borrowed_fd(out, PollFlags::OUT)], None)?;
            }
            written => return Ok(written?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{PipeFlags, pipe_with};
    use std::{fs::File, io::Read as _};

    #[test]
    fn only_a_reader_that_is_gone_is_no_error() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        assert_eq!(write_to(&writer, b"abc").unwrap(), 3);
        drop(reader);
        let gone = write_to(&writer, b"abc").map(drop);
        assert!(gone.is_err());
        unless_reader_is_gone(gone).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let full = unless_reader_is_gone(write_to(&full, b"abc").map(drop));
        let error = named(full.unwrap_err());
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().starts_with("stdout: "), "{error}");
    }

    #[test]
    fn a_pipe_that_does_not_block_is_waited_for() {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        let text = vec![b'x'; 1 << 20];
        let expected = text.len();
        let reading = std::thread::spawn(move || {
            let mut polled = [PollFd::new(&reader, PollFlags::IN)];
            poll(&mut polled, None).unwrap();
            rustix::io::ioctl_fionbio(&reader, false).unwrap();
            let mut read = Vec::new();
            File::from(reader).read_to_end(&mut read).unwrap();
            read.len()
        });
        let mut rest = &text[..];
        while !rest.is_empty() {
            rest = &rest[write_to(&writer, rest).unwrap()..];
        }
        drop(writer);
        assert_eq!(reading.join().unwrap(), expected);
    }
}
