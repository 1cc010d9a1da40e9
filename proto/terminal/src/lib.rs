//! How every process of The Cloud reads its command line, and writes to stdout and stderr.
//!
//! A terminal closes, a pipe's reader ends, a disk is full: no such write may end a process with a
//! panic. `print!` and `eprint!` panic, so clippy rejects them everywhere else (`clippy.toml`).
//!
//! | request | file |
//! |---|---|
//! | print an answer to stdout | `stdout.rs` |
//! | write a message, or the log of a server, to stderr | `stderr.rs` |
//! | parse a command line, and print its help or what is wrong with it | `command_line.rs` |
//! | sizes and times as text | `quantity.rs` |
//! | show control characters instead of sending them to a terminal | `visible.rs` |
//!
//! The rules:
//!
//! - A reader of stdout that is gone has read enough. It is no error; long output ends early.
//! - Any other error of stdout is returned. A command prints it, and exits with 1.
//! - Errors of stderr are ignored, because there is no other place to report them to. A server
//!   counts the lines that it lost, and states the number once stderr can be written again.
//!
//! - Control characters are written visibly (`visible.rs`), except line ends and tabs.
//!
//! The crate knows no command.

mod command_line;
pub mod quantity;
mod stderr;
mod stdout;
mod visible;

pub use command_line::{matches_of, parse};
pub use stderr::{Stderr, announce, lost_lines, note, stderr_is_terminal, take_lost_lines};
pub use stdout::{Stdout, columns, has_reader, print, stdout_is_terminal, unless_reader_is_gone};
pub use visible::{visible, visible_in_line};
