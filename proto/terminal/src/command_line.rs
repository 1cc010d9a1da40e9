//! Command lines: parsed by clap; their help, version and errors are printed here.
//!
//! Clap's own `parse` ignores the errors of stdout: a help text that a full disk did not take would
//! count as printed.

use crate::{note, stderr::note_raw, stderr_is_terminal, stdout::print_raw, stdout_is_terminal};
use clap::{ArgMatches, Command, Error, Parser};

/// The exit code of a command that could not print.
const FAILURE: i32 = 1;

/// Parses the command line of the process. Prints help, version, or the error instead, and ends the
/// process.
#[must_use]
pub fn parse<P: Parser>() -> P {
    P::try_parse().unwrap_or_else(|error| end(&error))
}

/// Returns the matches of a command, like [`parse`].
#[must_use]
pub fn matches_of(command: Command) -> ArgMatches {
    command
        .try_get_matches()
        .unwrap_or_else(|error| end(&error))
}

fn end(error: &Error) -> ! {
    let is_terminal = if error.use_stderr() {
        stderr_is_terminal()
    } else {
        stdout_is_terminal()
    };
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let text = if is_terminal && !is_plain {
        error.render().ansi().to_string()
    } else {
        error.render().to_string()
    };
    let code = if error.use_stderr() {
        note_raw(text.trim_end_matches('\n'));
        error.exit_code()
    } else {
        match print_raw(&text) {
            Ok(()) => error.exit_code(),
            Err(error) => {
                note(error);
                FAILURE
            }
        }
    };
    std::process::exit(code)
}
